"""An installed wheel finds its data and its model without the repository."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Interpreter of a fresh environment that has the wheel; the other packages are lent by this one."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=repository, capture_output=True, text=True, check=True
    )
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()
    unpack = [sys.executable, "-m", "zipfile", "-e", str(folder / built.stdout.split()[-1]), site]
    subprocess.run(unpack, check=True)
    (Path(site) / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return python


def ask(python: Path, code: str, folder: Path) -> str:
    # -P and the temporary folder keep the checkout off the path; the wheel's own files come before lent ones.
    done = subprocess.run([python, "-P", "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_ships_every_file_of_data_and_models(installed: Path, repository: Path, tmp_path: Path) -> None:
    code = (
        "import json; from placement.adapters.stores.shipped import shipped\n"
        "print(json.dumps({top: [str(shipped(top)), sorted(str(path.relative_to(shipped(top)))"
        " for path in shipped(top).rglob('*') if path.is_file())] for top in ('data', 'models')}))"
    )

    found = json.loads(ask(installed, code, tmp_path))

    for top, (where, files) in found.items():
        assert Path(where).is_relative_to(installed.parents[1])
        source = repository / top
        assert set(files) == {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}


def test_it_brings_training_and_leaves_tests_behind(installed: Path, tmp_path: Path) -> None:
    code = (
        "import training, placement, pathlib\n"
        "site = pathlib.Path(placement.__file__).parents[1]\n"
        "print(training.__file__.startswith(str(site)), (site / 'tests').exists(), (site / 'benchmarks').exists())"
    )

    assert ask(installed, code, tmp_path).split() == ["True", "False", "False"]
