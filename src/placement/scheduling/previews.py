"""Previews: when they are due, which frames to show first, how large they may be."""

from __future__ import annotations

import numpy as np

from placement.errors import InvalidInput
from placement.units import Floats, Ints

__all__ = ["key_frame_order", "preview_dues", "preview_part"]


def preview_dues(begin: Floats, seconds: Floats, share: float) -> Floats:
    """Return when previews are due: after `share` of the forecast render time of their shots.

    Parameters
    ----------
    begin, seconds
        When each shot was released, and its forecast render time, seconds.
    share
        As `Rules.preview_share`.

    Examples
    --------
    >>> preview_dues(np.array([100.0]), np.array([600.0]), 0.1).tolist()
    [160.0]
    """
    return np.asarray(begin + share * seconds)


def key_frame_order(frames: int) -> Ints:
    """Return all frames so that the first few show most: first, last, middle, then the middles of what is between.

    Binary subdivision, as in van der Corput's sequence ("Verteilungsfunktionen", Proc. Kon. Ned. Akad. 38, 1935): after
    any number of frames no gap is more than about twice the smallest.

    Raises
    ------
    InvalidInput
        `frames` is negative.

    Examples
    --------
    >>> key_frame_order(9).tolist()
    [0, 8, 4, 2, 6, 1, 3, 5, 7]
    """
    if frames < 0:
        raise InvalidInput(f"a shot of {frames} frames, expected 0 or more")
    last = frames - 1
    order = [np.array([0, max(last, 0)])]
    parts = 1
    while parts < last:
        parts *= 2
        order.append(np.round(np.arange(1, parts, 2) * last / parts).astype(np.int64))
    found = np.concatenate(order)
    _, first = np.unique(found, return_index=True)
    return found[np.sort(first)][:frames]


def preview_part(frames: int, shown: int, startup: float, seconds: float, most: float = 0.02) -> float:
    """Return what part of a full frame's samples each of `shown` preview frames may take.

    Previews cost ``shown * (startup + part * (seconds - startup))``, at most `most` of ``frames * seconds``.

    Parameters
    ----------
    startup, seconds
        Seconds of loading in a frame, and of a full frame in all.
    most
        Largest share of the shot's node-seconds that its previews may add.

    Returns
    -------
    float
        0 to 1; 0: loading alone takes too much, show fewer frames.

    Raises
    ------
    InvalidInput
        A number makes no sense.

    Examples
    --------
    >>> round(preview_part(frames=100, shown=5, startup=6.0, seconds=60.0), 3)
    0.333
    """
    if not (0 < shown <= frames and 0 <= startup <= seconds and seconds > 0 and 0 < most <= 1):
        raise InvalidInput(
            f"previews of {shown} of {frames} frames, {startup:g} s of {seconds:g} s, at most {most:g}: expected shown "
            "frames among all, loading within a frame, and a share in (0, 1]"
        )
    if startup == seconds:
        return 1.0 if shown <= most * frames else 0.0
    return float(np.clip((most * frames * seconds / shown - startup) / (seconds - startup), 0.0, 1.0))
