"""Every module says what it is for, and lists exactly the names it offers."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from types import ModuleType

import pytest

import benchmarks
import placement
import training

MODULES = [
    module.name
    for package in (placement, training, benchmarks)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    if not module.name.endswith("__main__")
]
OPTIONAL = {"mlflow", "sqlalchemy", "alembic", "matplotlib", "dask", "distributed", "psutil", "psycopg"}


def load(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.split(".")[0] in OPTIONAL:
            pytest.skip(f"needs {missing.name}")
        raise


def defined(module: ModuleType) -> set[str]:
    """Public functions and classes that the module's own text defines."""
    assert module.__file__ is not None
    with open(module.__file__, encoding="utf-8") as text:
        tree = ast.parse(text.read())
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in tree.body if isinstance(node, named) and not node.name.startswith("_")}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_opens_with_what_it_is_for(name: str) -> None:
    doc = load(name).__doc__

    assert doc
    assert doc.strip()


@pytest.mark.parametrize("name", MODULES)
def test_all_is_exact(name: str) -> None:
    module = load(name)
    listed = getattr(module, "__all__", [])

    assert len(listed) == len(set(listed))
    assert [each for each in listed if not hasattr(module, each)] == []
    assert defined(module) <= set(listed)
