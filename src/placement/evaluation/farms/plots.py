"""Plots of a whole farm under some policies: who worked where, how full, how late, whose share, at what power."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from placement.evaluation.drawing import one_panel, panels, saved
from placement.evaluation.farms.courses import Courses, client_courses
from placement.evaluation.farms.deadlines import tardy
from placement.evaluation.farms.usage import attempt_share, full_course
from placement.evaluation.farms.window import counted_jobs
from placement.farm.machines import NodeState
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.energy import power_course
from placement.simulator.whole_farm.history import FarmHistory
from placement.units import Floats

__all__ = ["draw_farm", "occupancy"]

_POINTS = 600
_HOUR = 3600.0
_DOWN, _ASLEEP = 0.25, 0.8


def draw_farm(out: Path, stem: str, world: FarmWorld, histories: Mapping[str, FarmHistory]) -> list[Path]:
    """Write `<stem>-gantt.png`, `-utilisation`, `-tardiness`, `-shares` and `-power` into `out`; return them.

    Parameters
    ----------
    histories
        Policy -> what happened in `world` under it.
    """
    courses = {policy: client_courses(world, history) for policy, history in histories.items()}
    paths = {name: out / f"{stem}-{name}.png" for name in ("gantt", "utilisation", "tardiness", "shares", "power")}
    _gantt(paths["gantt"], world, histories)
    _utilisation(paths["utilisation"], world, histories, courses)
    _tardiness(paths["tardiness"], world, histories)
    _shares(paths["shares"], world, courses)
    _power(paths["power"], world, histories)
    return list(paths.values())


def occupancy(world: FarmWorld, history: FarmHistory, at: Floats) -> Floats:
    """Return the shares of nodes that clients' frames hold at instants, shape ``(clients, nodes, instants)``.

    Parameters
    ----------
    at
        Seconds, increasing.

    Examples
    --------
    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of()
    >>> occupancy(world, live(world, "fifo"), np.array([30.0, 90.0])).tolist()
    [[[0.125, 0.0]]]
    """
    attempts, nodes = history.attempts, len(world.fleet.node_class)
    change = np.zeros((world.clients.count, nodes, len(at) + 1))
    client = world.jobs.client[world.steps.job[attempts.step]]
    share = attempt_share(world, attempts, attempts.memory)
    np.add.at(change, (client, attempts.node, np.searchsorted(at, attempts.start)), share)
    np.add.at(change, (client, attempts.node, np.searchsorted(at, attempts.end)), -share)
    return np.asarray(np.cumsum(change, axis=2)[:, :, :-1])


def _gantt(path: Path, world: FarmWorld, histories: Mapping[str, FarmHistory]) -> None:
    """Draw nodes by class over time: the colour is of the client that holds most, the paler the less is held."""
    figure = Figure(figsize=(10, 0.6 + 2.4 * len(histories)), layout="constrained")
    order, last = np.argsort(world.fleet.node_class, kind="stable"), _last(histories)
    at = (np.arange(_POINTS) + 0.5) * last / _POINTS
    colours = np.array([_colour(row) for row in range(world.clients.count)])
    for axes, (policy, history) in zip(panels(figure, len(histories)), histories.items(), strict=True):
        held = occupancy(world, history, at)
        full = np.clip(held.sum(axis=0), 0.0, 1.0)[..., None]
        image = full * colours[held.argmax(axis=0)] + (1 - full) * _ground(world, history, at)[..., None]
        axes.imshow(image[order], aspect="auto", interpolation="nearest", extent=(0, last / _HOUR, len(order), 0))
        axes.set_title(policy, fontsize=8)
        first = np.searchsorted(world.fleet.node_class[order], np.arange(len(world.classes.names)))
        axes.set_yticks(first, world.classes.names, fontsize=5)
    axes.set_xlabel("hours")
    for row, name in enumerate(world.clients.names):
        axes.plot([], [], color=_colour(row), label=name, linewidth=4)
    axes.legend(fontsize=6, loc="lower right")
    saved(figure, path)


def _ground(world: FarmWorld, history: FarmHistory, at: Floats) -> Floats:
    """Return how bright empty nodes are: white up, grey asleep, dark down, shape ``(nodes, instants)``."""
    spans = history.spans
    tone = np.where(spans.state == NodeState.DOWN, _DOWN, np.where(spans.state == NodeState.ASLEEP, _ASLEEP, 1.0)) - 1.0
    change = np.zeros((len(world.fleet.node_class), len(at) + 1))
    np.add.at(change, (spans.node, np.searchsorted(at, spans.start)), tone)
    np.add.at(change, (spans.node, np.searchsorted(at, spans.end)), -tone)
    return np.asarray(1.0 + np.cumsum(change, axis=1)[:, :-1])


def _utilisation(
    path: Path, world: FarmWorld, histories: Mapping[str, FarmHistory], courses: Mapping[str, Courses]
) -> None:
    figure, axes = one_panel("hours", "share of the farm that is reserved")
    for policy, history in histories.items():
        edges, worth = courses[policy].edges, courses[policy].worth
        at = (edges[:-1] + edges[1:]) / 2
        time, level = full_course(world, history)
        held = np.append(0.0, level)[np.searchsorted(time, at, side="right")]
        axes.plot(*_thinned(edges, held / np.maximum(worth, 1e-9)), label=policy, linewidth=0.8)
    saved(figure, path, axes)


def _tardiness(path: Path, world: FarmWorld, histories: Mapping[str, FarmHistory]) -> None:
    figure, axes = one_panel("hours late", "share of jobs with a deadline that are not later")
    rows = counted_jobs(world) & np.isfinite(world.jobs.deadline)
    for policy, history in histories.items():
        late = tardy(world, history)[rows]
        late = np.sort(late[np.isfinite(late)]) / _HOUR
        axes.step(late, np.arange(1, len(late) + 1) / max(len(late), 1), where="post", label=policy)
    axes.set_xscale("symlog", linthresh=0.01)
    saved(figure, path, axes)


def _shares(path: Path, world: FarmWorld, courses: Mapping[str, Courses]) -> None:
    """Draw what clients hold (lines) beside their guarantees (dotted)."""
    figure = Figure(figsize=(9, 0.6 + 2.2 * len(courses)), layout="constrained")
    for axes, (policy, course) in zip(panels(figure, len(courses)), courses.items(), strict=True):
        for row, name in enumerate(world.clients.names):
            share = course.of[row].held / np.maximum(course.worth, 1e-9)
            axes.plot(*_thinned(course.edges, share), color=_colour(row), label=name, linewidth=0.8)
            axes.axhline(world.clients.guarantee[row], color=_colour(row), linestyle=":", linewidth=0.8)
        axes.set_title(policy, fontsize=8)
        axes.set_ylabel("share of the farm", fontsize=7)
    axes.set_xlabel("hours")
    saved(figure, path, axes)


def _power(path: Path, world: FarmWorld, histories: Mapping[str, FarmHistory]) -> None:
    figure, axes = one_panel("hours", "kW")
    at = np.linspace(0.0, _last(histories), _POINTS)
    for policy, history in histories.items():
        time, watts = power_course(world, history)
        drawn = np.append(0.0, watts)[np.searchsorted(time, at, side="right")]
        axes.plot(at / _HOUR, drawn / 1000, label=policy, linewidth=0.8)
    price = axes.twinx()
    tariff = world.tariff.actual
    paid = tariff.price[np.maximum(np.searchsorted(tariff.start, at, side="right") - 1, 0)]
    price.plot(at / _HOUR, paid, color="grey", linestyle="--", linewidth=0.8)
    price.set_ylabel("EUR/kWh (dashed)")
    saved(figure, path, axes)


def _thinned(edges: Floats, level: Floats) -> tuple[Floats, Floats]:
    """Return hours and means of so many cells together that a plot can show them."""
    size = max(len(level) // _POINTS, 1)
    count = len(level) // size
    return edges[: count * size : size] / _HOUR, level[: count * size].reshape(count, size).mean(axis=1)


def _last(histories: Mapping[str, FarmHistory]) -> float:
    return max(max(history.end for history in histories.values()), 1.0)


def _colour(row: int) -> tuple[float, ...]:
    return tuple(mpl.colormaps["tab10"](row % 10)[:3])
