"""Whole farms, their costs and worlds by hand: the columns that matter, the rest made plain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from placement.farm.clients import Clients, Lending
from placement.farm.machines import Classes, Nodes, NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.farm.tariff import Outlook
from placement.farm.work import Attempts, Jobs, Steps
from placement.scheduling.cost import Cost
from placement.simulator.farm_world import FarmWorld, Fleet, Forecasts, Frames, WorldSteps
from placement.units import Ints, Seconds

__all__ = [
    "classes_of",
    "clients_of",
    "cost_of",
    "farm_world_of",
    "jobs_of",
    "snapshot_of",
]

Columns = Mapping[str, Any]

_NODE = [8.0, 32768.0, 0.0, 0.0, 102400.0]
_FRAME = [1.0, 1024.0, 0.0, 0.0, 0.0]


def _filled(plain: Mapping[str, Any], given: Columns, rows: int) -> dict[str, Any]:
    """Return columns of `rows` rows: the given ones in the plain ones' type, else the plain column or number."""
    unknown = set(given) - set(plain)
    if unknown:
        raise TypeError(f"no columns {sorted(unknown)}; there are {sorted(plain)}")
    filled = {}
    for name, value in plain.items():
        column = np.asarray(value)
        if name in given:
            filled[name] = np.array(given[name], column.dtype)
        else:
            filled[name] = column.copy() if column.ndim else np.full(rows, column)
    return filled


def _rows(columns: Columns, otherwise: int) -> int:
    return max((len(each) for each in columns.values()), default=otherwise)


def classes_of(**columns: Any) -> Classes:
    """Return node classes of 8 cores, 32 GiB of memory and 100 GiB of scratch, 300 W busy and 100 W idle.

    Parameters
    ----------
    columns
        Columns of `Classes` that are not plain; worth is by default the number of cores.

    Examples
    --------
    >>> classes_of(offer=[[4, 8192, 0, 0, 0], [64, 262144, 0, 0, 0]]).worth.tolist()
    [4.0, 64.0]
    """
    rows = _rows(columns, 1)
    offer = np.array(columns.get("offer", [_NODE] * rows), float)
    names = tuple(columns.get("names", [f"class {row}" for row in range(rows)]))
    plain = {
        "offer": np.tile(_NODE, (rows, 1)), "worth": np.maximum(offer[:, 0], 1.0), "idle_watts": 100.0,
        "busy_watts": 300.0, "asleep_watts": 5.0, "wake_seconds": 120.0, "sleep_seconds": 30.0, "wake_joules": 0.0,
        "gpu_watts": 0.0, "speed": np.ones((rows, 1)), "draw": np.ones((rows, 1)),
    }  # fmt: skip
    given = {name: value for name, value in columns.items() if name != "names"}
    return Classes(names=names, **_filled(plain, given, rows))


def clients_of(**columns: Any) -> Clients:
    """Return clients without guarantees or limits, of equal weight, that lend until a frame ends.

    Examples
    --------
    >>> clients_of(guarantee=[0.5, 0.2]).limit.tolist()
    [1.0, 1.0]
    """
    rows = _rows(columns, 1)
    names = tuple(columns.get("names", [f"client {row}" for row in range(rows)]))
    plain = {
        "parent": -1, "guarantee": 0.0, "limit": 1.0, "weight": 1.0, "lending": int(Lending.FRAME), "reclaim": 300.0,
        "history": 0.0, "short_since": np.nan,
    }  # fmt: skip
    return Clients(names=names, **_filled(plain, {name: columns[name] for name in columns if name != "names"}, rows))


def jobs_of(rows: int = 1, **columns: Any) -> Jobs:
    """Return jobs released at 0 without a deadline, all alike.

    Examples
    --------
    >>> jobs_of(deadline=[60.0, 90.0]).importance.tolist()
    [1.0, 1.0]
    """
    rows = _rows(columns, rows)
    plain = {
        "index": np.arange(rows), "client": 0, "release": 0.0, "deadline": np.inf, "importance": 1.0, "value": 1.0,
        "priority": 50.0, "held": False,
    }  # fmt: skip
    return Jobs(**_filled(plain, columns, rows))


def _steps(columns: Columns, running: Ints, now: Seconds) -> Steps:
    rows = max(_rows(columns, 1), len(running))
    running = np.pad(running, (0, rows - len(running)))
    first = np.asarray(columns.get("after", np.full(rows, -1))) < 0
    plain = {
        "index": np.arange(rows), "job": 0, "after": -1, "waiting": first.astype(np.int64),
        "blocked": (~first).astype(np.int64), "running": running, "done": 0, "request": np.tile(_FRAME, (rows, 1)),
        "declared_memory": 1024.0, "declared_seconds": np.nan, "licence": -1, "checkpoint": np.inf, "startup": 0.0,
        "preview_due": np.nan, "since": np.full(rows, float(now)),
    }  # fmt: skip
    return Steps(**_filled(plain, columns, rows))


def snapshot_of(  # noqa: PLR0913 - one argument per table of the snapshot
    *,
    now: Seconds = 0.0,
    classes: Classes | None = None,
    clients: Clients | None = None,
    nodes: Columns | None = None,
    jobs: Columns | None = None,
    steps: Columns | None = None,
    attempts: Columns | None = None,
    licences: Any = (),
    outlook: Outlook | None = None,
    power_cap: float = np.inf,
) -> FarmSnapshot:
    """Return a farm: by default one idle node, one client, and one job of one step whose one frame waits.

    Every table is as long as its longest given column. What runs is counted in `Steps.running` and taken from
    `Nodes.free`; frames of a step that waits for another are blocked.

    Parameters
    ----------
    nodes, jobs, steps, attempts
        Columns of these tables that are not plain.
    licences
        Free licences.

    Examples
    --------
    >>> farm = snapshot_of(nodes={"node_class": [0, 0]}, steps={"request": [[3, 1024, 0, 0, 0]], "waiting": [5]},
    ...                    attempts={"node": [1]})
    >>> farm.nodes.free[:, 0].tolist(), farm.steps.running.tolist()
    ([8.0, 5.0], [1])
    """
    attempts, classes = attempts or {}, classes or classes_of()
    count = _rows(attempts, 0)
    plain = {
        "index": np.arange(count), "step": 0, "node": 0, "mode": 0, "started": np.full(count, float(now)), "saved": 0.0,
        "interrupted": 0, "stopping": False,
    }  # fmt: skip
    running = Attempts(**_filled(plain, attempts, count))
    work = _steps(steps or {}, np.bincount(running.step), now)
    rows = _rows(nodes or {}, max(int(running.node.max(initial=0)) + 1, 1))
    node_class = np.array((nodes or {}).get("node_class", np.zeros(rows)), np.int64)
    free = classes.offer[node_class].copy()
    np.subtract.at(free, running.node, work.request[running.step])
    machines = {
        "node_class": 0, "state": int(NodeState.UP), "ready": 0.0, "free": free, "idle_since": 0.0, "warm_job": -1,
        "rack": 0,
    }  # fmt: skip
    return FarmSnapshot(
        now=now, classes=classes, nodes=Nodes(**_filled(machines, nodes or {}, rows)), clients=clients or clients_of(),
        jobs=jobs_of(int(work.job.max(initial=0)) + 1, **(jobs or {})), steps=work, attempts=running,
        licences=np.array(licences, np.int64), outlook=outlook or Outlook.flat(0.2, 200.0), power_cap=power_cap,
    )  # fmt: skip


def cost_of(farm: FarmSnapshot, seconds: Any = 60.0, **columns: Any) -> Cost:
    """Return a cost of `seconds` (one number, or anything of shape ``(steps, classes)``) wherever a frame fits a node.

    Examples
    --------
    >>> cost_of(snapshot_of(steps={"request": [[99, 0, 0, 0, 0], [1, 0, 0, 0, 0]]})).seconds.tolist()
    [[inf], [60.0]]
    """
    share = farm.share_of_node()
    plain = {"spread": 0.1, "common": 0.2}
    rest = _filled(plain, {name: value for name, value in columns.items() if name != "warmth"}, farm.steps.count)
    return Cost(seconds=np.where(share <= 1, seconds, np.inf), warmth=columns.get("warmth", 0.0), **rest)


def farm_world_of(  # noqa: PLR0913 - one argument per table of the world
    *,
    classes: Classes | None = None,
    clients: Clients | None = None,
    fleet: Columns | None = None,
    jobs: Columns | None = None,
    steps: Columns | None = None,
    frames: Columns | None = None,
    forecasts: Columns | None = None,
    **rest: Any,
) -> FarmWorld:
    """Return a world: by default one node, and one job of one step of one frame of 60 s, known beforehand.

    Parameters
    ----------
    fleet, jobs, steps, frames, forecasts
        Columns of these tables that are not plain. Forecasts are by default the truth.
    rest
        Other fields of `FarmWorld`.

    Examples
    --------
    >>> world = farm_world_of(fleet={"node_class": [0, 0]}, steps={"frames": [3, 4], "after": [-1, 0]})
    >>> len(world.frames.factor), world.forecasts.seconds.tolist()
    (7, [[60.0], [60.0]])
    """
    classes, steps = classes or classes_of(), steps or {}
    rows = _rows(steps, 1)
    request = np.array(steps.get("request", [_FRAME] * rows), float)
    with np.errstate(divide="ignore", invalid="ignore"):
        fits = (request[:, None, :] <= classes.offer).all(axis=2)
    plain = {
        "job": 0, "after": -1, "kind": 0, "frames": 1, "request": np.tile(_FRAME, (rows, 1)),
        "declared_seconds": np.nan, "licence": -1, "checkpoint": np.inf, "startup": 0.0, "preview": 0,
        "seconds": np.where(fits, 60.0, np.inf),
    }  # fmt: skip
    work = WorldSteps(**_filled(plain, steps, rows))
    machines = {"node_class": 0, "rack": 0, "joins": 0.0, "leaves": np.inf, "slowness": 1.0}
    memory = np.repeat(work.request[:, 1], work.frames)
    drawn = _filled({"factor": 1.0, "memory": memory, "luck": 0.5}, frames or {}, len(memory))
    told = {"seconds": work.seconds, "spread": 0.1, "common": 0.2, "memory": work.request[:, 1]}
    return FarmWorld(
        **{"name": "by hand", **rest}, classes=classes, clients=clients or clients_of(), steps=work,
        fleet=Fleet(**_filled(machines, fleet or {}, _rows(fleet or {}, 1))), frames=Frames(**drawn),
        jobs=jobs_of(int(work.job.max()) + 1, **(jobs or {})),
        forecasts=Forecasts(**_filled(told, forecasts or {}, rows)),
    )  # fmt: skip
