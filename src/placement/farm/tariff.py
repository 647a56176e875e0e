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
        Seconds, increasing, shape ``(periods,)``.
    price
        EUR per kWh; may be negative.
    carbon
        gCO2 per kWh.
    """

    start: Floats
    price: Floats
    carbon: Floats

    def __post_init__(self) -> None:
        seal(self)
        if not len(self.start):
            raise InvalidInput("an outlook needs at least one period")
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

        Examples
        --------
        >>> two = Outlook(start=np.array([0.0, 100.0]), price=np.array([1.0, 3.0]), carbon=np.zeros(2))
        >>> two.mean(two.price, np.array([50.0]), np.array([100.0])).tolist()
        [2.0]
        """
        edges = np.append(self.start, np.inf)
        paid = np.concatenate([[0.0], np.cumsum(column[:-1] * np.diff(self.start))])

        def until(time: Floats) -> Floats:
            row = np.clip(np.searchsorted(edges, time, side="right") - 1, 0, len(column) - 1)
            return np.asarray(paid[row] + column[row] * (time - self.start[row]))

        return (until(start + seconds) - until(start)) / seconds


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
        Seconds ahead for which forecasts are out.
    """

    actual: Outlook
    published: Outlook
    horizon: Seconds = 86400.0

    def outlook(self, now: Seconds) -> Outlook:
        """Return what is known at `now`: the running period as it is, later ones as published, until the horizon.

        Beyond the horizon the pattern of the last published day repeats as its mean.
        """
        actual, published = self.actual, self.published
        row = max(int(np.searchsorted(actual.start, now, side="right")) - 1, 0)
        last = int(np.searchsorted(published.start, now + self.horizon, side="left"))
        ahead = slice(row + 1, max(last, row + 1))
        price = np.concatenate([actual.price[row : row + 1], published.price[ahead]])
        carbon = np.concatenate([actual.carbon[row : row + 1], published.carbon[ahead]])
        start = np.concatenate([actual.start[row : row + 1], published.start[ahead]])
        if last < len(published.start):
            start = np.append(start, published.start[last])
            price, carbon = np.append(price, price.mean()), np.append(carbon, carbon.mean())
        return Outlook(start=start, price=price, carbon=carbon)
