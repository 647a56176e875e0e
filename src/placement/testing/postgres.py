"""A throw-away PostgreSQL server on loopback, for tests and benchmarks of what keeps its facts there."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from placement.errors import JournalError

__all__ = ["PostgresServer", "postgres_programs", "throwaway_postgres"]

_USER = "farm"
_PATIENCE = 60.0
#: Who runs the server where we are the superuser, which PostgreSQL refuses to run as.
_OTHERS = ("postgres", "nobody")


def postgres_programs() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``; None: they are not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    # Debian keeps server programs off the path.
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").is_file()]
    return max(installed, key=lambda path: float(path.parent.name), default=None)


class PostgresServer:
    """A server of its own in a temporary folder.

    Parameters
    ----------
    folder
        Empty, and on a file system that other users may enter.
    flush
        Whether it flushes to disk, as servers do. One that does not loses nothing when its processes are killed, only
        when the machine dies, and recovers in a tenth of the time.

    Raises
    ------
    JournalError
        PostgreSQL is not installed, or the server does not start.
    """

    def __init__(self, folder: Path, *, flush: bool = True) -> None:
        programs = postgres_programs()
        if programs is None:
            raise JournalError("no PostgreSQL server is installed: neither initdb on PATH nor /usr/lib/postgresql")
        self._programs = programs
        self._flush = flush
        self._data = folder / "data"
        self._log = folder / "log"
        self._password = secrets.token_hex(16)
        self._names = count(1)
        self._as = _other_user()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        secret = folder / "password"
        secret.write_text(self._password)
        if self._as:
            for path in (folder, secret):
                os.chown(path, self._as["user"], self._as["group"])
        self._run("initdb", "-D", self._data, "-U", _USER, "-E", "UTF8", "--locale=C", "--no-sync",
                  "--auth=scram-sha-256", f"--pwfile={secret}")  # fmt: skip
        self.start()

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], cwd="/", capture_output=True, text=True, check=False, **self._as
        )
        if done.returncode:
            raise JournalError(f"{program} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")

    def start(self) -> None:
        """Start the server, on the port that it had; returns when it answers."""
        self.port = self.port or _free_port()
        until = time.monotonic() + _PATIENCE
        while not self._started(until):
            if time.monotonic() > until:
                raise JournalError(f"PostgreSQL does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.1)

    def _started(self, until: float) -> bool:
        import psycopg  # optional

        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-p", str(self.port), "-h", "127.0.0.1",
                 "-c", "unix_socket_directories=", "-c", f"fsync={'on' if self._flush else 'off'}"],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._as,
            )  # fmt: skip
        while self._process.poll() is None and time.monotonic() < until:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.address("postgres"), connect_timeout=5).close()
                return True
            time.sleep(0.02)
        self.kill()
        return False

    def address(self, database: str) -> str:
        """Return the address of a database, ``postgresql://…``."""
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Make a fresh database and return its address."""
        return self.address(self._made("DATABASE"))

    def schema(self) -> str:
        """Make a fresh schema and return its address: as good as a database of its own, and made in a moment."""
        return f"{self.address('postgres')}?options=-csearch_path%3D{self._made('SCHEMA')}"

    def _made(self, what: str) -> str:
        import psycopg

        name = f"farm_{next(self._names)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE {what} {name}".encode())
        return name

    def kill(self) -> None:
        """Kill all of the server's processes at once, as a crash does."""
        if self._process is not None:
            for process in (self._process.pid, *_children(self._process.pid)):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """Stop the server at once; it would recover when it is started again."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def throwaway_postgres(*, flush: bool = True) -> Iterator[PostgresServer]:
    """Run a server in a temporary folder and leave nothing of it.

    Parameters
    ----------
    flush
        Whether it flushes to disk.

    Raises
    ------
    JournalError
        PostgreSQL is not installed, or the server does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = None
    try:
        server = PostgresServer(folder, flush=flush)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _other_user() -> dict[str, Any]:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd  # not everywhere

    for name in _OTHERS:
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise JournalError(f"PostgreSQL does not run as the superuser, and there is no user {' or '.join(_OTHERS)}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _children(parent: int) -> list[int]:
    """Return the processes that a process started, where the system tells."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            after_name = stat.read_text().rpartition(")")[2].split()
            if int(after_name[1]) == parent:
                found.append(int(stat.parent.name))
    return found
