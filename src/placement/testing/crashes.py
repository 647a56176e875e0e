"""Kill the process of a farm, and the server of its journal, at random moments, again and again, and look what is lost.

``python -m placement.testing.crashes --runs 500`` kills a farm on a SQLite file; ``--journal postgresql`` starts a
PostgreSQL server of its own and kills that too; with the address of an empty database as `--journal` one large farm
is killed there, and the server left alone. Each farm goes on from where it was killed until all its work is done, then
comes the next.

Exit code 0: nothing was lost, nothing was accepted twice, every chain verified; 1: something was; 2: it cannot run.
"""

from __future__ import annotations

import argparse
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from placement.adapters.stores.journal.opening import url_of
from placement.errors import InvalidInput, PlacementError
from placement.testing.arguments import at_least_one
from placement.testing.crash_audit import Audit
from placement.testing.crash_farm import Engines, Plot, work
from placement.testing.postgres import PostgresServer, throwaway_postgres
from placement.units import Seconds

__all__ = ["Child", "Crashed", "crash", "main"]

_PATIENCE = 120.0
_SERVER_TOO = 0.4


class Child:
    """A process forked from this one, which has everything imported, that works on a farm and says what is durable.

    Parameters
    ----------
    plot
        The farm.
    name
        By which it leads.
    """

    def __init__(self, plot: Plot, name: str) -> None:
        heard, told = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the child uses none of the parent's threads
            self.process = os.fork()
        if not self.process:
            os.close(heard)
            _live(plot, name, told)
        os.close(told)
        self._heard, self._rest = heard, b""

    def listen(self, seconds: Seconds, tell: Callable[[str], None]) -> bool:
        """Hear what it says for so long; return whether it ended by itself."""
        until = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self._heard], [], [], max(until - time.monotonic(), 0.0))
            if not ready:
                return False
            if not (said := os.read(self._heard, 65536)):
                return True
            *lines, self._rest = (self._rest + said).split(b"\n")
            for line in lines:
                tell(line.decode())

    def kill(self) -> None:
        """Kill it wherever it is."""
        with suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)

    def end(self, tell: Callable[[str], None]) -> None:
        """Kill it if it still lives, and hear what it had said by then."""
        self.kill()
        os.waitpid(self.process, 0)
        self.listen(_PATIENCE, tell)
        os.close(self._heard)


def _live(plot: Plot, name: str, told: int) -> None:
    """Work, and end without a look at anything that was the parent's."""
    code = 1
    try:
        work(plot, name, lambda line: _write(told, line))
        code = 0
    except BaseException:  # nothing may get out into the copy of the parent
        _write(told, "failed " + traceback.format_exc().replace("\n", " | "))
    finally:
        os._exit(code)


def _write(told: int, line: str) -> None:
    os.write(told, line.encode() + b"\n")


@dataclass(slots=True)
class Crashed:
    """What came of it.

    Parameters
    ----------
    kills, servers
        How often a farm's process and a journal's server were killed.
    farms, tasks, entries
        Farms that were brought to their end, their tasks and the entries of their journals.
    lost, twice
        Tasks without an accepted end, and with more than one.
    findings
        Everything that was not as it must be.
    """

    kills: int = 0
    servers: int = 0
    farms: int = 0
    tasks: int = 0
    entries: int = 0
    lost: int = 0
    twice: int = 0
    findings: list[str] = field(default_factory=list)
    seconds: Seconds = 0.0

    def add(self, audit: Audit) -> None:
        """Count a farm that is at its end."""
        self.farms += 1
        self.tasks += audit.plot.tasks
        self.entries += audit.entries
        self.lost += len(audit.lost)
        self.twice += len(audit.twice)


def crash(
    runs: int,
    seed: int = 0,
    *,
    journal: str = "sqlite",
    engine: Engines = "simulated",
    say: Callable[[str], None] = lambda line: None,
    plot: Callable[[Plot], Plot] = lambda plot: plot,
) -> Crashed:
    """Kill farms `runs` times in all, and bring each to its end.

    Parameters
    ----------
    seed
        Of when they are killed; what the system does in between is not in its hand.
    journal
        ``"sqlite"``, ``"postgresql"`` (a server of its own, killed too), or the address of a database that is empty.
    engine
        As in `placement.testing.crash_farm.Plot`.
    say
        Told after each farm how far it is.
    plot
        Changes a farm before it is begun.

    Raises
    ------
    InvalidInput
        The system cannot fork.
    JournalError
        There is no such server.
    """
    if not hasattr(os, "fork"):
        raise InvalidInput("this system cannot fork a process: killing farms needs one that can")
    random, done, begun = Random(seed), Crashed(), time.monotonic()
    once = journal not in {"sqlite", "postgresql"}
    with _journals(journal) as (address, server):
        while done.kills < runs and not done.findings:
            folder = Path(tempfile.mkdtemp(prefix="crash-"))
            try:
                made = plot(
                    Plot(journal=address(folder), folder=folder, engine=engine, jobs=max(8, runs if once else 0))
                )
                _to_the_end(made, runs, random, done, server)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            done.seconds = time.monotonic() - begun
            say(f"{done.kills} kills, {done.farms} farms done, {len(done.findings)} findings")
            if once:
                break
    return done


@contextmanager
def _journals(journal: str) -> Iterator[tuple[Callable[[Path], str], PostgresServer | None]]:
    """Give the address of each farm's journal, and the server that may be killed."""
    if journal == "sqlite":
        yield (lambda folder: str(folder / "farm.db")), None
    elif journal == "postgresql":
        with throwaway_postgres() as server:
            yield (lambda folder: server.database()), server
    else:
        url_of(journal)  # one that is none is refused here
        yield (lambda folder: journal), None


def _to_the_end(plot: Plot, runs: int, random: Random, done: Crashed, server: PostgresServer | None) -> None:
    """Kill a farm until it is done, or there were kills enough; then let it come to its end."""
    audit, life = Audit(plot), 0
    while not audit.findings:
        life += 1
        child = Child(plot, f"life-{life}")
        try:
            if done.kills < runs:
                ended = _disturbed(child, audit, random, done, server)
            elif not (ended := child.listen(_PATIENCE, audit.told)):
                audit.findings.append(f"the farm is not done after {_PATIENCE:g} s without a kill")
        finally:
            child.end(audit.told)
        if ended:
            break
        done.kills += 1
        audit.look()
    audit.end()
    done.add(audit)
    done.findings += [f"farm {done.farms}, life {life}: {each}" for each in audit.findings]


def _disturbed(child: Child, audit: Audit, random: Random, done: Crashed, server: PostgresServer | None) -> bool:
    """Let a process run for a while, perhaps with a crash of the server below it; return whether it ended by itself."""
    if child.listen(_delay(random), audit.told):
        return True
    if server is None or random.random() >= _SERVER_TOO:
        return False
    server.kill()
    done.servers += 1
    if random.random() < 1 / 2:  # both at once
        child.kill()
        server.start()
        return False
    child.listen(_delay(random), audit.told)  # the process lives on without its journal
    server.start()
    return child.listen(_delay(random), audit.told)


def _delay(random: Random) -> Seconds:
    """Draw when to kill: often while the farm opens or has just begun, sometimes late."""
    return random.uniform(0.0, 0.05) if random.random() < 0.3 else random.expovariate(1 / 0.25)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m placement.testing.crashes", description=__doc__)
    parser.add_argument("--runs", type=at_least_one, default=50, help="how many kills; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of when to kill; default: %(default)s")
    parser.add_argument("--journal", default="sqlite", metavar="URL", help="sqlite, postgresql, or an empty database")
    parser.add_argument("--engine", choices=("simulated", "local"), default="simulated", help="default: %(default)s")
    asked = parser.parse_args(arguments)
    try:
        done = crash(asked.runs, asked.seed, journal=asked.journal, engine=asked.engine, say=_say)
    except PlacementError as wrong:
        sys.stderr.write(f"error: {wrong}\n")
        return 2
    for finding in done.findings:
        _say(finding)
    _say(
        f"{done.kills} kills of the process and {done.servers} of the server in {done.seconds:.1f} s: {done.farms} "
        f"farms, {done.tasks} tasks, {done.entries} entries; {done.lost} lost, {done.twice} accepted twice"
    )
    return 1 if done.findings else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
