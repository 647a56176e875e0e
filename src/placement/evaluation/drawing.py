"""Figures of one panel or one below the other, as all plots of the evaluation have them."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["one_panel", "panels", "saved"]


def one_panel(across: str, up: str) -> tuple[Figure, Axes]:
    """Return a figure of one panel whose axes are named.

    Examples
    --------
    >>> one_panel("hours", "kW")[1].get_ylabel()
    'kW'
    """
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return figure, axes


def panels(figure: Figure, count: int) -> list[Axes]:
    """Return so many panels, one below the other."""
    return list(figure.subplots(count, 1, squeeze=False)[:, 0])


def saved(figure: Figure, path: Path, legend: Axes | None = None) -> Path:
    """Write the figure as the image that `path` names, with the legend of some axes, and return `path`."""
    if legend is not None:
        legend.legend(fontsize=6)
    figure.savefig(path, dpi=110)
    return path
