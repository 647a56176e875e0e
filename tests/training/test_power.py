"""Learning power from the shipped measurements, judged on networks held out, and bad tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput
from placement.matching.power import PowerModel
from training.power import fit_power, gpu_rows, measured_watts, server_curve
from training.power_backtest import PowerBacktest, backtest_power, power_card


@pytest.fixture(scope="module")
def folder() -> Path:
    return shipped("data/power")


@pytest.fixture(scope="module")
def limits(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "gpu_power_limits.csv")


@pytest.fixture(scope="module")
def servers(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "server_load_watts.csv")


@pytest.fixture(scope="module")
def model(limits: pd.DataFrame, servers: pd.DataFrame) -> PowerModel:
    return fit_power(limits, servers)


@pytest.fixture(scope="module")
def backtest(limits: pd.DataFrame, model: PowerModel) -> PowerBacktest:
    return backtest_power(limits, model.server)


def test_the_server_curve_rises_from_idle_to_peak(servers: pd.DataFrame) -> None:
    curve = server_curve(servers)

    assert (curve.dynamic[0], curve.dynamic[-1]) == (0.0, 1.0)
    assert (np.diff(curve.dynamic) > 0).all()
    assert 0.25 < curve.idle_share < 0.75
    assert curve.peak_spread > 0


def test_rows_are_relative_to_full_power(limits: pd.DataFrame) -> None:
    rows = gpu_rows(limits)
    full = rows.share == 1

    assert (rows.time[full] == 0).all()
    assert np.allclose(rows.power[full], np.log(rows.draw[full]))
    assert rows.gpus == ("A40", "P100", "RTX6000", "V100")
    assert rows.watts.tolist() == [300, 250, 260, 250]
    assert len(rows.share) <= len(limits)


def test_learning_twice_gives_the_same_model(model: PowerModel, limits: pd.DataFrame, servers: pd.DataFrame) -> None:
    again = fit_power(limits, servers)

    rows = model.gpu.inputs(np.array([0, -1]), np.array([0.5, 0.7]), np.array([np.nan, 0.8]))
    assert again.to_data() == model.to_data()
    for name, booster in model.boosters.items():
        assert (again.boosters[name].predict(rows) == booster.predict(rows)).all()


def test_doubt_grows_as_the_limit_falls_and_shrinks_when_the_draw_is_known(model: PowerModel) -> None:
    unknown, known = model.gpu.time_spread

    assert unknown[2] > unknown[-4]
    assert np.mean(known) < np.mean(unknown)
    assert np.mean(model.gpu.power_spread[1]) < np.mean(model.gpu.power_spread[0])


def test_held_out_networks_are_forecast_better_than_by_the_mean_curve(backtest: PowerBacktest) -> None:
    errors = backtest.errors.set_index(["quantity", "intensity"])

    for quantity in ("time ratio", "power ratio"):
        assert errors.loc[(quantity, "known"), "median error %"] < errors.loc[(quantity, "known"), "mean curve's %"]


def test_eight_in_ten_truths_of_held_out_networks_lie_in_the_interval(backtest: PowerBacktest) -> None:
    # Five networks cannot promise more than this.
    assert backtest.errors["80 % interval holds %"].between(72, 92).all()


def test_the_chosen_limits_save_energy_on_networks_never_seen(backtest: PowerBacktest) -> None:
    for chooser in ("unknown", "known"):
        saved = backtest.energy[f"{chooser}: energy saved %"]
        assert (saved > 5).all()
        assert (saved <= backtest.energy["oracle: energy saved %"] + 1e-9).all()


def test_the_card_says_what_is_measured_and_what_is_modelled(model: PowerModel, backtest: PowerBacktest) -> None:
    card = power_card(model, backtest)

    assert "**Measured.**" in card
    assert "**Modelled, not measured.**" in card
    assert "holds no watts" in card
    assert "| V100 |" in card


def test_measured_watts_leave_out_failures_and_single_rows(limits: pd.DataFrame, servers: pd.DataFrame) -> None:
    telemetry = pd.DataFrame({
        "job_type": ["a", "a", "a", "a", "b"],
        "node_class": ["n"] * 5,
        "mean_power": [100.0, 100.0, 5000.0, None, 50.0],
        "status": ["ok", None, "oom", "ok", "ok"],
    })

    found = measured_watts(telemetry)

    assert [(each.job_type, each.node_class, each.rows, each.spread) for each in found] == [("a", "n", 2, 0.0)]
    assert found[0].log_watts == pytest.approx(np.log(100))
    assert measured_watts(telemetry.drop(columns="mean_power")) == ()
    model = fit_power(limits, servers, telemetry)
    assert model.measured == found
    assert "watts of 1 (job type, node class)" in power_card(model, backtest_stub())


def backtest_stub() -> PowerBacktest:
    return PowerBacktest(pd.DataFrame({"error": [1.0]}), pd.DataFrame({"GPU": ["V100"]}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.drop(columns="network"), "lack the columns"),
        (lambda table: table.assign(seconds_per_epoch=0.0), "seconds_per_epoch must be positive"),
        (lambda table: table.assign(average_power_watts=np.nan), "average_power_watts must be positive"),
        (lambda table: table.iloc[:0], "no job was measured"),
        (lambda table: table[table["network"] == "ncf"], "hold 1 networks, expected at least 3"),
    ],
)
def test_a_spoilt_table_of_limits_is_refused(spoil, message: str, limits: pd.DataFrame, servers: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match=message):
        fit_power(spoil(limits), servers)


def test_jobs_without_full_power_are_left_out(limits: pd.DataFrame) -> None:
    one = limits[limits["gpu"] == "A40"].assign(optimizer=lambda table: np.arange(len(table)))

    assert (gpu_rows(one).share == 1).all()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.drop(columns="cores"), "lack the columns"),
        (lambda table: table.assign(watts_at_0pct=-1.0), "must be positive"),
    ],
)
def test_a_spoilt_table_of_servers_is_refused(spoil, message: str, servers: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match=message):
        server_curve(spoil(servers))
