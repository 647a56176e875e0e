"""Tariffs from real day-ahead prices: what was paid, beside what was published before, on the market's wall clock."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput
from placement.farm.tariff import Outlook, Tariff
from placement.units import Floats

__all__ = ["CARBON", "MARKETS", "SHARED_DATA", "market_nights", "market_tariff"]

#: Market -> time zone of its wall clock.
MARKETS = {"BE": "Europe/Brussels", "DE": "Europe/Berlin", "FR": "Europe/Paris", "NP": "Europe/Oslo"}

#: Carbon intensity where none was measured, gCO2/kWh: MODELLED, a constant, so that nothing can be gained by its hour.
CARBON = 200.0

#: Environment variable with a folder that has ``tariffs/carbon_gb_2020.csv.gz``, which may not be passed on.
SHARED_DATA = "PLACEMENT_SHARED_DATA"

_FORECASTS = ("dnn", "lear")
_PER_KWH = 1e-3
_HOUR = timedelta(hours=1)


def market_tariff(market: str, start: str | datetime, days: float, forecast: str = "dnn") -> Tariff:
    """Return the prices of a market from an instant on; second 0 of the world is `start`.

    Prices are looked up by the wall clock of each elapsed hour: in spring the skipped hour never comes, in autumn the
    doubled one comes twice and costs the same both times. They become EUR/kWh. Forecasts of all hours of the tariff are
    taken to be out a day ahead, as the market clears.

    Carbon intensity is the constant `CARBON`, unless the folder named by `SHARED_DATA` has the measured one of Great
    Britain, 2020: then that of the same month, day and hour, whatever the market, published as the day before's.

    Parameters
    ----------
    market
        One of `MARKETS`.
    start
        Wall clock of the market, ISO format or a datetime without a zone; of the hour that comes twice, the first.
    days
        Length of the tariff; its last hour holds for ever.
    forecast
        ``dnn`` or ``lear``: whose forecasts were published.

    Raises
    ------
    InvalidInput
        Market or forecast are not known, the instant is not on the clock, or prices do not reach that far.

    Examples
    --------
    >>> night = market_tariff("DE", "2016-11-07T18:00", days=1)
    >>> len(night.actual.start), bool(night.actual.price.max() < 1)
    (24, True)
    """
    if market not in MARKETS or forecast not in _FORECASTS:
        known = f"{sorted(MARKETS)} and {list(_FORECASTS)}"
        raise InvalidInput(f"no market {market!r} with forecast {forecast!r}; have {known}")
    if not 0 < days <= 3660:
        raise InvalidInput(f"days {days:g} must lie in (0, 3660]")
    zone = ZoneInfo(MARKETS[market])
    begin = _instant(start, zone)
    table = _prices(market)
    seconds, clock = _hours(begin, days, zone)
    if not clock.isin(table.index).all():
        missing = clock[~clock.isin(table.index)][0]
        raise InvalidInput(f"no price of {market} at {missing}; have {table.index[0]} to {table.index[-1]}")
    rows = table.loc[clock]
    paid = rows["price_eur_per_mwh"].to_numpy(float) * _PER_KWH
    told = rows[f"forecast_{forecast}"].to_numpy(float) * _PER_KWH
    emitted, foreseen = _carbon(clock)
    return Tariff(
        actual=Outlook(start=seconds, price=paid, carbon=emitted),
        published=Outlook(start=seconds.copy(), price=told, carbon=foreseen),
    )


def market_nights(market: str, hour: int = 19, days: float = 1.0) -> list[datetime]:
    """Return the evenings, Monday to Thursday, at `hour` of the wall clock for which there are prices of `days`.

    Examples
    --------
    >>> market_nights("DE")[0].isoformat()
    '2016-01-04T19:00:00'
    """
    if market not in MARKETS:
        raise InvalidInput(f"no market {market!r}; have {sorted(MARKETS)}")
    clock = pd.DatetimeIndex(_prices(market).index)
    there = clock[
        (clock.hour == hour) & (clock.day_of_week < 4) & (clock + pd.Timedelta(days=days, hours=1) <= clock[-1])
    ]
    return [each.to_pydatetime() for each in there]


def _instant(start: str | datetime, zone: ZoneInfo) -> datetime:
    try:
        local = datetime.fromisoformat(start) if isinstance(start, str) else start
    except ValueError as wrong:
        raise InvalidInput(f"start {start!r} is no time such as 2016-11-07T18:00") from wrong
    if local.tzinfo is not None:
        raise InvalidInput(f"start {start} has a zone of its own; expected the wall clock of {zone.key}")
    begin = local.replace(tzinfo=zone).astimezone(UTC)
    if begin.astimezone(zone).replace(tzinfo=None) != local:
        raise InvalidInput(f"the wall clock of {zone.key} never shows {local.isoformat()}: daylight saving skips it")
    return begin


def _hours(begin: datetime, days: float, zone: ZoneInfo) -> tuple[Floats, pd.DatetimeIndex]:
    """Return when each hour of the tariff begins, in seconds after the instant, and what the wall clock shows then."""
    first = begin.replace(minute=0, second=0, microsecond=0)
    count = max(1, int(np.ceil((begin - first + timedelta(days=days)) / _HOUR)))
    elapsed = [first + each * _HOUR for each in range(count)]
    seconds = np.array([max((each - begin).total_seconds(), 0.0) for each in elapsed])
    return seconds, pd.DatetimeIndex([each.astimezone(zone).replace(tzinfo=None) for each in elapsed])


@cache
def _prices(market: str) -> pd.DataFrame:
    rows = pd.read_csv(shipped("data/tariffs/day_ahead_prices.csv.gz"), parse_dates=["time_local"])
    return rows[rows["market"] == market].set_index("time_local").drop(columns="market")


def _carbon(clock: pd.DatetimeIndex) -> tuple[Floats, Floats]:
    """Return carbon intensity as it came and as published."""
    folder = os.environ.get(SHARED_DATA)
    path = Path(folder, "tariffs", "carbon_gb_2020.csv.gz") if folder else None
    if path is None or not path.is_file():
        flat = np.full(len(clock), CARBON)
        return flat, flat.copy()
    table = _measured_carbon(path)
    return _same_hours(table, clock), _same_hours(table, clock - pd.Timedelta(days=1))


@cache
def _measured_carbon(path: Path) -> pd.Series:
    rows = pd.read_csv(path, parse_dates=["Time"])
    time: pd.Series = rows["Time"]
    leap = rows[time.dt.year == 2020]
    hour = leap["Time"].dt.strftime("%m-%d %H")
    mean: pd.Series = leap.groupby(hour)["Carbon Intensity"].mean()
    return mean


def _same_hours(table: pd.Series, clock: pd.DatetimeIndex) -> Floats:
    found = table.reindex(clock.strftime("%m-%d %H"))
    return np.asarray(found.fillna(float(table.mean())), float)
