"""Whether farms that are killed again and again lose a frame or accept one twice."""

from __future__ import annotations

from benchmarks.result import Result, Row
from placement.testing.crashes import Crashed, crash

__all__ = ["sigkill"]

_SQLITE, _LOCAL, _POSTGRESQL = 400, 100, 100
_SEED = 7


def sigkill(sqlite: int = _SQLITE, local: int = _LOCAL, postgresql: int = _POSTGRESQL) -> Result:
    """Kill farms by SIGKILL: on SQLite files, most with simulated and some with real processes; on PostgreSQL."""
    done = {
        "SQLite, simulated engine": crash(sqlite, _SEED),
        "SQLite, processes": crash(local, _SEED + 1, engine="local"),
        "PostgreSQL, its server killed too": crash(postgresql, _SEED + 2, journal="postgresql"),
    }
    on_files = sum(each.kills for what, each in done.items() if what.startswith("SQLite"))
    rows = (
        Row("kills of farms on SQLite", on_files, 500, ">="),
        Row("kills of farms on PostgreSQL", done["PostgreSQL, its server killed too"].kills, 100, ">="),
        Row("frames lost", sum(each.lost for each in done.values()), 0, "<="),
        Row("frames accepted twice", sum(each.twice for each in done.values()), 0, "<="),
        Row("anything else that was not as it must be", sum(len(each.findings) for each in done.values()), 0, "<="),
    )
    return Result("sigkill", rows, tuple(_told(what, each) for what, each in done.items()))


def _told(what: str, done: Crashed) -> str:
    server = f" and {done.servers} of the server" if done.servers else ""
    found = "".join(f"; {each}" for each in done.findings)
    return (
        f"{what}: {done.kills} kills{server} in {done.seconds:.0f} s, {done.farms} farms brought to their end, "
        f"{done.tasks:,} tasks, {done.entries:,} entries{found}"
    )
