"""Set everything up in a virtual environment, then run the main job or the tests in it.

Runs on a bare Python ≥ 3.11 with pip; imports nothing that has to be installed first. uv is used where it is
present. The environment is filled from ``requirements.lock`` (every package pinned and hashed) and filled again
only when the lock or ``pyproject.toml`` changes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements.lock"

#: What can be run after the set-up: arguments of the environment's python.
JOBS = {
    "main": ["-m", "training.report", "--out", "out/report"],
    "test": ["-m", "pytest", "--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile",
             "--json-report", "--json-report-file=pytest_results.json", "--cov"],
    "setup": ["-c", ""],
}


def run(*command: str | Path) -> None:
    """Run a command in the repository's root; stop with its exit code when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def python_of(folder: Path) -> Path:
    """Return the interpreter of the virtual environment in `folder`."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint() -> str:
    """Return a hash of everything that decides what is installed."""
    content = LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes() + sys.version.encode()
    return hashlib.sha256(content).hexdigest()


def install(python: Path) -> None:
    """Install the locked packages, then the project itself, into the environment of `python`.

    Nothing is resolved: the lock is complete. (Asked for dependencies too, pip takes the newest release that an extra
    like ``coverage[toml]`` allows, and then refuses it for not being the locked one.)
    """
    if uv := shutil.which("uv"):
        run(uv, "pip", "install", "--python", python, "--require-hashes", "--no-deps", "-r", LOCK)
        run(uv, "pip", "install", "--python", python, "--no-build-isolation", "--no-deps", "-e", ROOT)
        return
    # The environment has no pip of its own: Debian's Python cannot make one that has.
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    run(*pip, "--require-hashes", "--no-deps", "-r", LOCK)
    run(*pip, "--no-build-isolation", "--no-deps", "-e", ROOT)


def need_openmp(python: Path) -> None:
    """Make sure that LightGBM finds the OpenMP runtime, which its wheel does not bring.

    On Debian and its children the superuser gets it installed; anybody else is told what to install.
    """
    check = [str(python), "-c", "import lightgbm"]
    if subprocess.run(check, capture_output=True, check=False).returncode == 0:
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        run("apt-get", "update", "--quiet")
        run("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "libgomp1")
    if subprocess.run(check, check=False).returncode:
        sys.exit("lightgbm cannot be loaded; it needs the OpenMP runtime: libgomp1 (Debian, Ubuntu), "
                 "libgomp (Fedora), libomp (Homebrew)")


def set_up(folder: Path) -> Path:
    """Make the environment in `folder`, or keep it when nothing changed; return its interpreter."""
    python, stamp = python_of(folder), folder / "installed-from"
    if python.exists() and stamp.exists() and stamp.read_text() == fingerprint():
        return python
    if not python.exists():
        venv.create(folder, symlinks=os.name != "nt", with_pip=False)
    install(python)
    need_openmp(python)
    stamp.write_text(fingerprint())
    return python


def main() -> None:
    """Read the command line, set up, run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("job", choices=JOBS, help="what to run after the set-up")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="folder of the environment [.venv]")
    chosen, more = parser.parse_known_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts this may have an older one
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    run(set_up(chosen.venv.absolute()), *JOBS[chosen.job], *more)


if __name__ == "__main__":
    main()
