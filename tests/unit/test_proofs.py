"""docs/engine-proofs.md names tests for each numbered semantic: they are there, and quote its number."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| ([\d, to]+) \| (.+?) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
QUOTE = re.compile(r"[Ss]emantics? ((?:\d+(?: to \d+)?(?:, | and )?)+)")


def numbers(text):
    """``1 to 3, 9`` -> {1, 2, 3, 9}"""
    found = re.findall(r"(\d+)(?: to (\d+))?", text)
    return {number for first, last in found for number in range(int(first), int(last or first) + 1)}


@cache
def quoted(file):
    """Each test of a file, with the semantics that its docstring or the file's quotes."""
    tree = ast.parse((ROOT / "tests" / file).read_text())

    def of(node):
        return {n for quote in QUOTE.findall(ast.get_docstring(node) or "") for n in numbers(quote)}

    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {test.name: of(test) | of(tree) for test in tests}


def rows():
    table = (ROOT / "docs/engine-proofs.md").read_text().partition("## The numbered semantics")[2]
    return [(numbers(number), TEST.findall(tests)) for number, _, tests in ROW.findall(table)]


def test_each_numbered_semantic_is_shown_by_tests_that_are_there():
    assert {number for numbered, _ in rows() for number in numbered} == set(range(1, 11))
    for numbered, tests in rows():
        assert tests
        for file, name in tests:
            assert name in quoted(file), f"{file} has no {name}"
            assert numbered <= quoted(file)[name], f"{name} does not quote {numbered}"


def test_the_files_that_the_page_names_are_there():
    named = re.findall(r"`((?:\w+/)*\w+\.py)`", (ROOT / "docs/engine-proofs.md").read_text())
    there = {path.name for room in ("tests", "builder") for path in (ROOT / room).rglob("*.py")}
    assert named
    assert [name for name in named if Path(name).name not in there] == []
