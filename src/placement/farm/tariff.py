"""Prices and carbon intensity over time: what was paid, what was published for the hours ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.errors import InvalidInput
from placement.farm.sealed import seal
from placement.units import Floats, Seconds

__all__ = ["Outlook", "Tariff"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """What a kilowatt-hour is published to cost from each of some instants on; the last value holds for ever.

    Parameters
    ----------
    start
        Seconds, increasing, shape ``(periods,)``. Before the first one its value holds as well.
    price
        EUR per kWh; may be negative.
    carbon
        gCO2 per kWh.

    Raises
    ------
    InvalidInput
        No period, starts that do not increase, or a number that is not finite.
    """

    start: Floats
    price: Floats
    carbon: Floats

    def __post_init__(self) -> None:
        seal(self)
        if not len(self.start):
            raise InvalidInput("an outlook needs at least one period")
        for name in ("start", "price", "carbon"):
            wrong = np.flatnonzero(~np.isfinite(getattr(self, name)))
            if len(wrong):
                raise InvalidInput(
                    f"outlook: {name} of period {wrong[0]} is {getattr(self, name)[wrong[0]]}, not a number"
                )
        if not (np.diff(self.start) > 0).all():
            raise InvalidInput("starts of the periods of an outlook must increase")

    @classmethod
    def flat(cls, price: float = 0.0, carbon: float = 0.0) -> Outlook:
        """Return an outlook in which nothing changes.

        Examples
        --------
        >>> Outlook.flat(price=0.2).at(7200.0)
        (0.2, 0.0)
        """
        return cls(start=np.zeros(1), price=np.full(1, price), carbon=np.full(1, carbon))

    def at(self, time: Seconds) -> tuple[float, float]:
        """Return price and carbon intensity at an instant."""
        row = max(int(np.searchsorted(self.start, time, side="right")) - 1, 0)
        return float(self.price[row]), float(self.carbon[row])

    def mean(self, column: Floats, start: Floats, seconds: Floats) -> Floats:
        """Return the mean of `column` (`price` or `carbon`) over ``[start, start + seconds)``, elementwise.

        The exact integral over the periods divided by `seconds`, which must be finite; where `seconds` is 0, the value
        at `start`.

        Examples
        --------
        >>> two = Outlook(start=np.array([0.0, 100.0]), price=np.array([1.0, 3.0]), carbon=np.zeros(2))
        >>> two.mean(two.price, np.array([50.0]), np.array([100.0])).tolist()
        [2.0]
        """
        paid = np.concatenate([[0.0], np.cumsum(column[:-1] * np.diff(self.start))])
        start, seconds = np.broadcast_arrays(np.asarray(start, float), np.asarray(seconds, float))

        def row_at(time: Floats) -> np.ndarray:
            return np.maximum(np.searchsorted(self.start, time, side="right") - 1, 0)

        first, last = row_at(start), row_at(start + seconds)
        whole = paid[last] - paid[first]
        ends = column[last] * (start + seconds - self.start[last]) - column[first] * (start - self.start[first])
        return np.asarray(np.where(seconds > 0, (whole + ends) / np.where(seconds > 0, seconds, 1.0), column[first]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tariff:
    """What was really paid, beside what was published before.

    Parameters
    ----------
    actual
        Prices and carbon intensity as they came.
    published
        The same as forecast by the market's publisher, of the same periods; what decisions may be based on.
    horizon
        Seconds ahead for which forecasts are out. A rolling day by default. Real day-ahead prices are out about noon
        for the whole next calendar day, so that between 12 and 36 hours are known: a day is what is known on average.

    Raises
    ------
    InvalidInput
        The two have other periods, or the horizon is below 0.
    """

    actual: Outlook
    published: Outlook
    horizon: Seconds = 86400.0

    def __post_init__(self) -> None:
        if not np.array_equal(self.actual.start, self.published.start):
            raise InvalidInput(
                f"actual ({len(self.actual.start)}) and published ({len(self.published.start)}) prices must be of the "
                "same periods"
            )
        if not self.horizon >= 0:
            raise InvalidInput(f"horizon {self.horizon:g} s must be 0 or more")

    def outlook(self, now: Seconds) -> Outlook:
        """Return what is known at `now`: the running period as it is, later ones as published, until the horizon.

        Nothing in it depends on what came true after the running period, or on what is published beyond the horizon:
        from there on the mean of the known periods holds, each weighted with its length.

        Examples
        --------
        >>> hours = 3600.0 * np.arange(4)
        >>> truth = Outlook(start=hours, price=np.array([1.0, 2.0, 3.0, 4.0]), carbon=np.zeros(4))
        >>> told = Outlook(start=hours, price=np.array([9.0, 2.5, 9.0, 9.0]), carbon=np.zeros(4))
        >>> known = Tariff(actual=truth, published=told, horizon=3600.0).outlook(now=1800.0)
        >>> known.start.tolist(), known.price.tolist()
        ([0.0, 3600.0, 7200.0], [1.0, 2.5, 1.75])
        """
        actual, published = self.actual, self.published
        row = max(int(np.searchsorted(actual.start, now, side="right")) - 1, 0)
        last = max(int(np.searchsorted(published.start, now + self.horizon, side="left")), row + 1)
        price = np.append(actual.price[row], published.price[row + 1 : last])
        carbon = np.append(actual.carbon[row], published.carbon[row + 1 : last])
        start = actual.start[row:last]
        if last < len(published.start):
            length = np.diff(actual.start[row : last + 1])
            start = actual.start[row : last + 1]
            price = np.append(price, np.average(price, weights=length))
            carbon = np.append(carbon, np.average(carbon, weights=length))
        return Outlook(start=start.copy(), price=price, carbon=carbon)
