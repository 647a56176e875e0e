"""Every tracker keeps runs, registers models and gives them back unchanged."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from placement.adapters.tracking import MlflowTracker, NoTracker, RunRecord, Tracker
from placement.errors import InvalidInput, PlacementError


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One SQLite store for the module: MLflow takes a second to lay its tables."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture(params=["memory", "mlflow"])
def tracker(request: pytest.FixtureRequest, store: str) -> Tracker:
    if request.param == "memory":
        return NoTracker()
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    return MlflowTracker(store)


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        folder = tmp_path / f"exported-{text}"
        (folder / "trees").mkdir(parents=True)
        (folder / "model.json").write_text(f'{{"schema": "{text}"}}')
        (folder / "trees" / "run_time.txt").write_text(text)
        return folder

    return write


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_registered_model_comes_back_byte_for_byte(tracker: Tracker, exported, tmp_path: Path) -> None:
    model = exported("one")

    run_id = tracker.record(RunRecord(name="nightly", fingerprint="9f3a", model=model))
    tracker.register("farm", run_id, "champion")

    assert files_of(tracker.fetch("farm", "champion", tmp_path / "fetched")) == files_of(model)


def test_an_alias_moves_to_the_newer_version_and_others_stay(tracker: Tracker, exported, tmp_path: Path) -> None:
    older = tracker.record(RunRecord(name="older", fingerprint="1", model=exported("older")))
    newer = tracker.record(RunRecord(name="newer", fingerprint="2", model=exported("newer")))

    first = tracker.register("moving", older, "champion")
    tracker.register("moving", older, "previous")
    last = tracker.register("moving", newer, "champion")

    assert (first, last) == ("1", "3")
    champion = tracker.fetch("moving", "champion", tmp_path / "champion")
    previous = tracker.fetch("moving", "previous", tmp_path / "previous")
    assert (champion / "trees" / "run_time.txt").read_text() == "newer"
    assert (previous / "trees" / "run_time.txt").read_text() == "older"


def test_a_run_without_a_model_is_not_registered(tracker: Tracker) -> None:
    run_id = tracker.record(RunRecord(name="trial", fingerprint="9f3a"))

    with pytest.raises(InvalidInput, match="no model to register as 'farm'"):
        tracker.register("farm", run_id, "champion")


def test_an_unknown_run_is_named(tracker: Tracker) -> None:
    with pytest.raises(InvalidInput, match="0123456789abcdef"):
        tracker.register("farm", "0123456789abcdef" * 2, "champion")


def test_an_unknown_alias_is_named(tracker: Tracker, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no model farm@nobody"):
        tracker.fetch("farm", "nobody", tmp_path)


def test_a_missing_file_is_named_before_anything_is_kept(tracker: Tracker, tmp_path: Path) -> None:
    run = RunRecord(name="trial", fingerprint="9f3a", artifacts=(tmp_path / "plot.png",), model=tmp_path / "gone")

    with pytest.raises(InvalidInput, match=r"plot\.png.*gone"):
        tracker.record(run)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_metric_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(InvalidInput, match="metric 'coverage' of run 'nightly' is"):
        RunRecord(name="nightly", fingerprint="9f3a", metrics={"coverage": value})


def test_a_run_needs_a_name() -> None:
    with pytest.raises(InvalidInput, match="needs a name"):
        RunRecord(name=" ", fingerprint="9f3a")


def test_everything_of_a_run_is_in_the_sqlite_file(store: str, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    tracker = MlflowTracker(store)
    card = tmp_path / "card.md"
    card.write_text("# Card")
    many = {f"metric {number}": number / 7 for number in range(250)}

    run_id = tracker.record(
        RunRecord(name="full", fingerprint="9f3a", parameters={"leaves": 31}, metrics=many, artifacts=(card,))
    )

    with sqlite3.connect(store.removeprefix("sqlite:///")) as database:
        kept = dict(database.execute("select key, value from metrics where run_uuid = ?", [run_id]))
        parameters = database.execute("select key, value from params where run_uuid = ?", [run_id]).fetchall()
        tags = dict(database.execute("select key, value from tags where run_uuid = ?", [run_id]))
        status, artifacts = database.execute(
            "select status, artifact_uri from runs where run_uuid = ?", [run_id]
        ).fetchone()
    database.close()
    assert kept == many
    assert parameters == [("leaves", "31")]
    assert tags["data_fingerprint"] == "9f3a"
    assert status == "FINISHED"
    assert (Path(artifacts.removeprefix("file://")) / "card.md").read_text() == "# Card"


def test_a_run_that_breaks_off_is_marked_failed(store: str) -> None:
    pytest.importorskip("sqlalchemy")
    tracker = MlflowTracker(store, "breaking")

    with pytest.raises(InvalidInput, match="cannot record run 'broken'"):
        tracker.record(RunRecord(name="broken", fingerprint="9f3a", parameters={"no\nname": 1}))

    with sqlite3.connect(store.removeprefix("sqlite:///")) as database:
        assert database.execute("select status from runs where name = 'broken'").fetchall() == [("FAILED",)]
    database.close()


@pytest.mark.parametrize("name", ["", "a'b", "../up", "100%"])
def test_a_hostile_model_name_is_refused(store: str, exported, name: str) -> None:
    pytest.importorskip("sqlalchemy")
    tracker = MlflowTracker(store)
    run_id = tracker.record(RunRecord(name="nightly", fingerprint="9f3a", model=exported("one")))

    with pytest.raises(InvalidInput, match="model name"):
        tracker.register(name, run_id, "champion")


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    (tmp_path / "mlflow.db").write_text("not a database" * 100)

    with pytest.raises(PlacementError, match="cannot open MLflow store"):
        MlflowTracker(f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_importing_the_tracker_does_not_import_mlflow() -> None:
    code = "import placement.adapters.tracking, sys; sys.exit('mlflow' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_mlflow_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)

    with pytest.raises(PlacementError, match=r"render-placement\[tracking\]"):
        MlflowTracker(f"sqlite:///{tmp_path / 'mlflow.db'}")
