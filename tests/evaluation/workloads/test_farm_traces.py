"""Foreign traces and real tariffs: units, clocks and what is dropped."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_catalog import farm_world
from placement.evaluation.workloads.tariffs import CARBON, MARKETS, SHARED_DATA, market_nights, market_tariff
from placement.evaluation.workloads.traces.building import TraceSettings
from placement.evaluation.workloads.traces.philly import PhillySettings, read_philly
from placement.evaluation.workloads.traces.swf import SwfSettings, read_swf

LOG = """; Computer: Abacus
; MaxNodes: 64
1 100 -1 50 4 -1 -1 4 80 2048 1 7 1 3 -1 -1 -1 -1
2 160 -1 -1 1 -1 -1 1 80 -1 5 7 1 3 -1 -1 -1 -1
3 40 -1 20 -1 -1 -1 2 -1 -1 1 8 1 -1 -1 -1 1 5
"""
HEADER = (
    "job_id,user,num_gpu,submit_time,iterations,model_name,duration,interval,expect_time_list,expect_value_list,"
    "best_effort,job_type\n"
)
TABLE = (
    HEADER
    + """0,a,2,10,1,net,30,5,60,10,0,strict
1,b,1,0,1,net,20,5,40-80,10-4,0,soft
2,a,0,5,1,net,20,5,40,10,0,strict
3,a,1,20,1,vgg,20,5,20,10,1,best
"""
)


@pytest.fixture(autouse=True)
def _nothing_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SHARED_DATA, raising=False)


@pytest.mark.parametrize("packed", [False, True])
def test_a_log_becomes_frames_of_one_core(packed: bool, tmp_path: Path) -> None:
    path = tmp_path / ("log.swf.gz" if packed else "log.swf")
    path.write_bytes(gzip.compress(LOG.encode()) if packed else LOG.encode())

    world = farm_world(path, settings=SwfSettings(slack=3.0, time_scale=2.0))

    assert world.clients.names == ("user 7", "user 8")
    assert world.jobs.release.tolist() == [0, 120]
    assert world.steps.frames.tolist() == [2, 4]
    assert world.steps.seconds[:, 0].tolist() == [40, 100]
    assert world.jobs.deadline.tolist() == [120, 420]
    assert np.isnan(world.steps.declared_seconds[0])
    assert world.steps.declared_seconds[1] == 160
    assert world.steps.request[1, 1] == 2.0
    assert "1 dropped" in world.notes[0]
    assert "Abacus" in world.notes[2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 2 3\n", "line 1"),
        ("; x\n1 x" + " 1" * 16, "18 numbers"),
        ("; only\n", "no rows"),
        ("1" + " -1" * 17, "no job"),
    ],
)
def test_what_is_no_log_is_refused(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "bad.swf").write_text(text)

    with pytest.raises(InvalidInput, match=told):
        read_swf(tmp_path / "bad.swf")


def test_a_broken_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.swf.gz").write_bytes(b"\x1f\x8bnonsense")

    for path in (tmp_path / "bad.swf.gz", tmp_path / "none.swf"):
        with pytest.raises(InvalidInput, match="cannot be read"):
            read_swf(path)
    with pytest.raises(InvalidInput, match="slack"):
        SwfSettings(slack=0.5)


def philly(folder: Path, text: str = TABLE) -> Path:
    (folder / "jobs.csv").write_text(text)
    return folder / "jobs.csv"


def test_a_philly_table_keeps_gpu_time_deadlines_and_values(tmp_path: Path) -> None:
    world = read_philly(philly(tmp_path))

    assert world.clients.names == ("a", "b")
    assert world.jobs.release.tolist() == [0, 600, 1200]
    assert world.jobs.deadline.tolist() == [2400, 600 + 3600, np.inf]
    assert world.jobs.value.tolist() == [10, 10, 10]
    assert (world.steps.frames * world.steps.seconds[:, 0]).tolist() == [1200, 3600, 1200]
    assert world.steps.seconds[:, 0].max() <= 900
    assert world.jobs.importance.tolist() == [1, 1, 1]
    assert "1 rows without a GPU" in world.notes[0]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("30,5,60", "ten,5,60", "row 1, column duration: 'ten'"),
        ("30,5,60", "30,5,6", "before the job's own duration"),
        ("40-80,10-4", "40-80,10", "as many"),
        ("40-80,10-4", "80-40,10-4", "increasing"),
        ("duration", "minutes", "duration"),
        ("a,2,10", "a,-2,10", "num_gpu"),
    ],
)
def test_philly_tables_that_do_not_add_up_are_refused(old: str, new: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=told):
        read_philly(philly(tmp_path, TABLE.replace(old, new)))


@pytest.mark.parametrize("name", ["philly_slo", "philly_mix1"])
def test_shipped_tables_are_farms(name: str) -> None:
    world = farm_world(name, 1, settings=PhillySettings(minutes=200))

    due = world.jobs.deadline - world.jobs.release
    assert world.clients.count == 11
    assert np.isfinite(due).mean() == pytest.approx(1.0 if name == "philly_slo" else 0.7, abs=0.05)
    assert (world.steps.request[:, 2] == 1).all()


@pytest.mark.parametrize("bad", [{"load": 0.0}, {"frame_seconds": 0.0}, {"warm_up": 1.0}])
def test_trace_settings_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(bad))):
        TraceSettings(**bad)  # type: ignore[arg-type]


def test_prices_are_per_kwh_and_published_ones_are_the_forecasts() -> None:
    dnn, lear = (market_tariff("DE", "2016-11-07T18:00", 1, name) for name in ("dnn", "lear"))

    assert dnn.actual.start.tolist() == [3600.0 * hour for hour in range(24)]
    assert 0 < dnn.actual.price.mean() < 0.3
    np.testing.assert_array_equal(dnn.actual.price, lear.actual.price)
    assert not np.array_equal(dnn.published.price, dnn.actual.price)
    assert not np.array_equal(dnn.published.price, lear.published.price)
    assert set(dnn.actual.carbon.tolist()) == {CARBON}


def test_the_hour_that_spring_skips_never_comes() -> None:
    spring = market_tariff("DE", "2017-03-26T00:00", 1)
    day_after = market_tariff("DE", "2017-03-26T03:00", 1)

    np.testing.assert_array_equal(spring.actual.price[2:5], day_after.actual.price[:3])
    assert len(spring.actual.start) == 24
    with pytest.raises(InvalidInput, match="never shows"):
        market_tariff("DE", "2017-03-26T02:30", 1)


def test_the_hour_that_autumn_doubles_comes_twice() -> None:
    autumn = market_tariff("DE", "2017-10-29T00:00", 1)

    assert autumn.actual.price[2] == autumn.actual.price[3]
    assert autumn.actual.price[3] == market_tariff("DE", "2017-10-29T02:00", 1).actual.price[0]
    assert autumn.actual.start.tolist() == [3600.0 * hour for hour in range(24)]


def test_a_world_that_begins_within_an_hour_pays_its_price_first() -> None:
    half = market_tariff("NP", "2017-05-01T10:30", 1)

    assert half.actual.start[:3].tolist() == [0, 1800, 5400]
    assert half.actual.price[0] == market_tariff("NP", "2017-05-01T10:00", 1).actual.price[0]


@pytest.mark.parametrize("market", MARKETS)
def test_every_market_has_nights(market: str) -> None:
    nights = market_nights(market)

    assert len(nights) > 300
    assert {night.weekday() for night in nights} == {0, 1, 2, 3}
    assert len(market_tariff(market, nights[-1], 1).actual.start) == 24


@pytest.mark.parametrize(
    ("market", "start", "days", "told"),
    [
        ("XX", "2016-11-07", 1, "XX"),
        ("DE", "yesterday", 1, "yesterday"),
        ("DE", "2016-11-07T18:00+01:00", 1, "zone"),
        ("DE", "1999-01-01", 1, "no price"),
        ("DE", "2016-11-07", 0, "days"),
    ],
)
def test_tariffs_that_are_not_there_are_refused(market: str, start: str, days: float, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        market_tariff(market, start, days)


def test_overnight_has_a_night_of_its_seed_and_any_farm_may_have_one() -> None:
    first, second = (farm_world("overnight", seed, scale=0.05) for seed in (1, 2))
    chosen = farm_world("single-client", 1, scale=0.1, market="FR", start="2016-01-12T19:00")

    assert "Day-ahead prices of DE" in first.notes[-1]
    assert not np.array_equal(first.tariff.actual.price, second.tariff.actual.price)
    assert (first.jobs.deadline[np.isfinite(first.jobs.deadline)] >= first.jobs.release.min()).all()
    assert "FR from 2016-01-12T19:00" in chosen.notes[-1]
    with pytest.raises(InvalidInput, match="XX"):
        farm_world("single-client", 1, scale=0.1, market="XX")


def test_measured_carbon_is_taken_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tariffs").mkdir()
    time = pd.date_range("2020-11-06", periods=24 * 2 * 3, freq="30min")
    table = pd.DataFrame({"Time": time, "Carbon Intensity": np.arange(len(time), dtype=float)})
    table.to_csv(tmp_path / "tariffs" / "carbon_gb_2020.csv.gz", index=False)
    monkeypatch.setenv(SHARED_DATA, str(tmp_path))

    tariff = market_tariff("DE", "2016-11-07T18:00", 0.25)

    assert tariff.actual.carbon.tolist() == [84.5, 86.5, 88.5, 90.5, 92.5, 94.5]
    np.testing.assert_array_equal(tariff.published.carbon, tariff.actual.carbon - 48)
