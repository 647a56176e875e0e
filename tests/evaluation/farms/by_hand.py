"""Histories written down by hand: the columns that matter, the rest made plain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from placement.farm.machines import NodeState, Resource
from placement.scheduling.plan import Reason
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import DecisionLog, FarmHistory, NodeSpans, Outcome, PastAttempts

#: The smallest folder of your own, as ``docs/workloads.md`` has it.
_TABLES = {
    "nodes.csv": "node_class\nold\nold\nnew\n",
    "jobs.csv": "job\nshot\ncut\n",
    "steps.csv": "step,job\na,shot\nb,cut\n",
    "run_times.csv": "step,node_class,seconds\na,old,20\na,new,10\nb,new,5\n",
}


def four_tables(folder: Path) -> Path:
    """Write a workload of three one-slot nodes and two jobs into a new folder; return it."""
    folder.mkdir()
    for name, text in _TABLES.items():
        (folder / name).write_text(text)
    return folder


def attempts_of(world: FarmWorld, **columns: Any) -> PastAttempts:
    """Return attempts: of frame 0, 1, … on node 0 from 0 to 60 s, done, with memory as declared."""
    rows = max((len(each) for each in columns.values()), default=0)
    frame = np.array(columns.get("frame", np.arange(rows)), np.int64)
    step = np.repeat(np.arange(len(world.steps.job)), world.steps.frames)[frame]
    plain = {
        "index": np.arange(rows), "frame": frame, "step": step, "node": 0, "mode": 0, "start": 0.0, "end": 60.0,
        "outcome": int(Outcome.DONE), "lost": 0.0, "saved": 0.0,
        "memory": world.steps.request[step, Resource.MEMORY], "loading": 0.0, "continued": False,
        "reason": 0, "stopped": -1,
    }  # fmt: skip
    filled = {name: np.broadcast_to(np.asarray(columns.get(name, value)), (rows,)) for name, value in plain.items()}
    return PastAttempts(**{name: column.astype(np.asarray(plain[name]).dtype) for name, column in filled.items()})


def history_of(world: FarmWorld, end: float, attempts: dict[str, Any], **rest: Any) -> FarmHistory:
    """Return a history until `end` in which all nodes are up, steps ready with their jobs, jobs as their frames end."""
    past = attempts_of(world, **attempts)
    done = past.outcome == Outcome.DONE
    steps, nodes = world.steps, len(world.fleet.node_class)
    step_end, finished = np.full(len(steps.job), -np.inf), np.bincount(past.step[done], minlength=len(steps.job))
    np.maximum.at(step_end, past.step[done], past.end[done])
    step_end[finished < steps.frames] = np.inf
    job_end = np.full(world.jobs.count, -np.inf)
    np.maximum.at(job_end, steps.job, step_end)
    time = np.array(rest.pop("decided", [0.0]), float)
    nothing = np.zeros(len(time), np.int64)
    log = DecisionLog(
        time=time, latency=np.array(rest.pop("latency", np.zeros(len(time))), float), waiting=nothing,
        running=nothing.copy(), starts=nothing.copy(), stops=nothing.copy(),
        waits=np.zeros((len(time), max(Reason) + 1), np.int64),
    )  # fmt: skip
    up = {
        "node": np.arange(nodes), "state": np.full(nodes, int(NodeState.UP)), "start": np.zeros(nodes),
        "end": np.full(nodes, float(end)),
    }  # fmt: skip
    spans = {name: np.array(value, up[name].dtype) for name, value in rest.pop("spans", up).items()}
    ready = np.where(steps.after < 0, world.jobs.release[steps.job], np.inf)
    plain = {"job_end": job_end, "job_failed": np.zeros(world.jobs.count, bool), "step_ready": ready}
    return FarmHistory(
        end=end, attempts=past, spans=NodeSpans(**spans), decisions=log, step_end=step_end,
        **{name: np.array(rest.get(name, value), value.dtype) for name, value in plain.items()},
    )  # fmt: skip
