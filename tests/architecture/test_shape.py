"""The shape of the code is a test: style, types, floors, sizes."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = ("src", "training", "benchmarks")
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 60


def run(*command: str, root: Path) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def modules(root: Path) -> list[Path]:
    return [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]


def long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body and node.end_lineno else 0
            if lines > MOST_LINES_OF_A_FUNCTION:
                yield f"{path}:{node.lineno} {node.name} has {lines} lines"


def test_the_style_is_kept(repository: Path) -> None:
    pytest.importorskip("ruff")

    run(sys.executable, "-m", "ruff", "check", "--output-format=concise", ".", root=repository)


@pytest.mark.slow
def test_the_types_are_strict(repository: Path) -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("needs mypy")

    run(sys.executable, "-m", "mypy", root=repository)


def test_the_import_contracts_are_kept(repository: Path) -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("needs import-linter")

    run(command, "--no-cache", root=repository)


def test_no_module_is_long(repository: Path) -> None:
    sizes = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(repository)}

    assert {path: size for path, size in sizes.items() if size > MOST_LINES} == {}


def test_no_function_is_long(repository: Path) -> None:
    assert [found for path in modules(repository) for found in long_functions(path)] == []
