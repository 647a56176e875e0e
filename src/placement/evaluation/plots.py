"""Plots of one run per policy: who worked when (Gantt), utilisation over time, distribution of completion times."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from placement.evaluation.drawing import one_panel, panels, saved
from placement.simulator.farm import History
from placement.simulator.world import World
from placement.units import Floats

__all__ = ["busy_share", "draw"]

_POINTS = 400


def draw(out: Path, stem: str, world: World, histories: Mapping[str, History]) -> list[Path]:
    """Write `<stem>-gantt.png`, `<stem>-utilisation.png` and `<stem>-completion.png` into `out`; return them."""
    return [
        _gantt(out / f"{stem}-gantt.png", world, histories),
        _utilisation(out / f"{stem}-utilisation.png", world, histories),
        _completion(out / f"{stem}-completion.png", world, histories),
    ]


def busy_share(world: World, history: History, at: Floats) -> Floats:
    """Return the share of slots that are busy at each time of `at`, seconds."""
    started = np.searchsorted(np.sort(history.start), at, side="right")
    ended = np.searchsorted(np.sort(history.end), at, side="right")
    return np.asarray((started - ended) / world.node_slots.sum())


def _gantt(path: Path, world: World, histories: Mapping[str, History]) -> Path:
    figure = Figure(figsize=(10, 1.2 + 0.16 * world.nodes * len(histories)), layout="constrained")
    colours = mpl.colormaps["tab20"]
    rows = panels(figure, len(histories))
    order = np.argsort(np.argsort(world.node_class, kind="stable"))
    for axes, (policy, history) in zip(rows, histories.items(), strict=True):
        group = world.task_group[history.task] % 20
        axes.barh(order[history.node], history.end - history.start, left=history.start, color=colours(group))
        names = [world.classes[c] for c in np.sort(world.node_class)]
        axes.set_yticks(range(world.nodes), names, fontsize=5)
        axes.set_title(policy, fontsize=8)
    rows[-1].set_xlabel("seconds")
    return saved(figure, path)


def _utilisation(path: Path, world: World, histories: Mapping[str, History]) -> Path:
    figure, axes = one_panel("seconds", "share of slots busy")
    for policy, history in histories.items():
        at = np.linspace(0, history.end.max(initial=0.0), _POINTS)
        axes.plot(at, busy_share(world, history, at), label=policy)
    return saved(figure, path, axes)


def _completion(path: Path, world: World, histories: Mapping[str, History]) -> Path:
    figure, axes = one_panel("seconds from release to end", "share of tasks")
    for policy, history in histories.items():
        waited = np.sort(history.end - world.task_release[history.task])
        axes.plot(waited, np.arange(1, len(waited) + 1) / max(len(waited), 1), label=policy)
    return saved(figure, path, axes)
