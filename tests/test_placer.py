"""The library call, on a model trained on the shipped renders: scores, picks, evidence, progress, and bad input."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from placement.adapters.stores.models import read_model, write_model
from placement.errors import CorruptModel, IncompatibleModel, Infeasible, InvalidInput, ModelError, TamperedModel
from placement.farm import NodeClass
from placement.matching import SCORE_COLUMNS, TASK_COLUMNS, Rules, Weights
from placement.placer import Placer

if TYPE_CHECKING:
    from placement.telemetry.table import Telemetry
    from training.train import Trained

NODES = [
    {"node_class": "cpu-1t", "cores": 1, "threads": 1, "memory": 8192},
    {"node_class": "cpu-2t", "cores": 2, "threads": 2, "memory": 8192},
]
TASK = {"job_type": "cycles/path", "renderer": "cycles", "width": 320, "height": 180, "spp": 64, "triangles": 1e5}


@pytest.fixture(scope="module")
def placer(trained: Trained) -> Placer:
    return trained.placer()


@pytest.fixture(scope="module")
def held(split: tuple[Telemetry, pd.DataFrame]) -> pd.DataFrame:
    return split[1]


def tasks_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Task columns of telemetry rows, as a user would know them before the render."""
    columns = [name for name in rows.columns if name in TASK_COLUMNS and name not in ("cores", "declared_memory")]
    return rows[columns].reset_index(drop=True)


# --- score ----------------------------------------------------------------------------------------------------------


def test_one_row_for_every_task_class_and_mode_in_that_order(placer: Placer) -> None:
    table = placer.score([{**TASK, "task": name} for name in "ab"], NODES)

    assert list(table.columns) == list(SCORE_COLUMNS)
    assert table["task"].tolist() == ["a"] * 6 + ["b"] * 6
    assert table["node_class"].tolist() == (["cpu-1t"] * 3 + ["cpu-2t"] * 3) * 2
    assert table["mode"].tolist() == ["performance", "balanced", "eco"] * 4


def test_records_frames_and_node_objects_score_alike(placer: Placer) -> None:
    nodes = [
        NodeClass(name="cpu-1t", cores=1, threads=1, memory=8192),
        NodeClass(name="cpu-2t", cores=2, threads=2, memory=8192),
    ]

    records, frames = placer.score([TASK], NODES), placer.score(pd.DataFrame([TASK]), pd.DataFrame(NODES))

    pd.testing.assert_frame_equal(records, frames)
    pd.testing.assert_frame_equal(records, placer.score([TASK], nodes))


def test_a_saved_model_scores_as_the_one_in_memory(placer: Placer, model_folder: Path, held: pd.DataFrame) -> None:
    loaded = Placer.load(model_folder)

    pd.testing.assert_frame_equal(loaded.score(tasks_of(held), NODES), placer.score(tasks_of(held), NODES))
    assert loaded.digest == read_model(model_folder).digest
    assert loaded.card == placer.card


def test_a_thousand_tasks_on_twenty_classes_is_one_call(placer: Placer, held: pd.DataFrame) -> None:
    tasks = pd.concat([tasks_of(held)] * 6, ignore_index=True)[:1000]
    nodes = [{"node_class": f"class {n}", "cores": 1 + n, "threads": 1 + n, "memory": 65536} for n in range(20)]

    table = placer.score(tasks, nodes)

    assert len(table) == 1000 * 20 * 3
    assert np.isfinite(table["run_time_p50"]).all()


def test_no_task_is_no_row(placer: Placer) -> None:
    assert len(placer.score([], NODES)) == 0


def test_tasks_scored_together_and_alone_get_the_same(placer: Placer, held: pd.DataFrame) -> None:
    tasks = tasks_of(held)[:5]

    together = placer.forecast(tasks, NODES)["run_time"].quantile(0.5)
    alone = [placer.forecast(tasks[row : row + 1], NODES)["run_time"].quantile(0.5)[0] for row in range(5)]

    assert together == pytest.approx(np.array(alone))


def test_unknown_columns_are_named_with_what_may_have_been_meant(placer: Placer) -> None:
    with pytest.raises(InvalidInput, match=r"'widht' \(did you mean 'width'\?\)"):
        placer.score([{**TASK, "widht": 3}], NODES)
    with pytest.raises(InvalidInput, match=r"'memmory' \(did you mean 'memory'\?\)"):
        placer.score([TASK], [{**NODES[0], "memmory": 3}])


@pytest.mark.parametrize("weights", ["balanced", "performance", "cost", Weights()])
def test_presets_and_weights_are_policies(placer: Placer, weights: Weights | str) -> None:
    assert placer.score([TASK], NODES, weights=weights)["score"].notna().all()


def test_an_unknown_preset_is_refused_with_those_that_exist(placer: Placer) -> None:
    with pytest.raises(InvalidInput, match=r"no preset 'cheap'; have \['balanced', 'cost', 'performance'\]"):
        placer.score([TASK], NODES, weights="cheap")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "=SUM(A1:A9)", "'; DROP TABLE x; --", "\0", "💥" * 500, "{0.__class__}"]
)
def test_hostile_names_are_only_unknown_categories(placer: Placer, name: str) -> None:
    hostile = {**TASK, "job_type": name, "renderer": name, "scene_family": name, "job_id": name, "task": name}

    table = placer.score([hostile], [{"node_class": name or "x", "cores": 2}])

    assert table["task"].tolist() == [name] * 3
    assert np.isfinite(table["run_time_p50"]).all()
    assert set(table["evidence"]) == {"prior"}


@pytest.mark.parametrize("column", ["width", "spp", "frame", "declared_run_time"])
def test_text_where_a_number_belongs_is_refused_by_column(placer: Placer, column: str) -> None:
    with pytest.raises(InvalidInput, match=f"'{column}' must hold numbers.*wide"):
        placer.score([{**TASK, column: "wide"}], NODES)


@pytest.mark.parametrize("value", [["a"], {"a": 1}])
def test_a_cell_that_is_no_name_is_refused_by_column(placer: Placer, value: Any) -> None:
    with pytest.raises(InvalidInput, match="'scene_family' must hold names"):
        placer.score([{**TASK, "scene_family": value}], NODES)


def test_numbers_as_names_are_the_names_they_are_written_as(placer: Placer) -> None:
    with_number = placer.forecast([{**TASK, "job_id": 7}], NODES)["run_time"].quantile(0.5)

    assert with_number == pytest.approx(placer.forecast([{**TASK, "job_id": "7"}], NODES)["run_time"].quantile(0.5))


def test_the_family_is_filled_in_from_a_job_type_that_was_trained_on(placer: Placer) -> None:
    bare = {name: value for name, value in TASK.items() if name != "renderer"}
    mixed = [TASK, bare]

    found = placer.forecast(mixed, NODES)["run_time"].quantile(0.5)

    assert found[0] == pytest.approx(found[1])
    assert placer.forecast([bare], NODES)["run_time"].quantile(0.5)[0] == pytest.approx(found[0])


def test_more_samples_take_longer(placer: Placer) -> None:
    spp = [16, 64, 256, 1024]

    seconds = placer.forecast([{**TASK, "spp": each} for each in spp], NODES)["run_time"].quantile(0.5)

    assert (np.diff(seconds[:, 0]) > 0).all()


# --- finished frames ------------------------------------------------------------------------------------------------


def _job(held: pd.DataFrame, least: int = 6) -> pd.DataFrame:
    sizes = held.groupby("job_id")["job_id"].transform("size")
    return held[(held["job_id"] == held["job_id"][sizes >= least].iloc[0]) & (held["status"] == "ok")]


def test_finished_frames_move_the_rest_of_their_job_and_only_that(placer: Placer, held: pd.DataFrame) -> None:
    job = _job(held)
    other = held[held["job_id"] != job["job_id"].iloc[0]][:1]
    slow = job[:2].assign(run_time=job["run_time"][:2] * 3)
    tasks = tasks_of(pd.concat([job[2:], other]))

    before = placer.score(tasks, NODES)
    after = placer.score(tasks, NODES, finished=slow)

    mine = before["task"].astype(int) < len(job) - 2
    assert (after["run_time_p50"][mine] > 1.3 * before["run_time_p50"][mine]).all()
    assert set(after["evidence"][mine]) == {"job"}
    pd.testing.assert_frame_equal(after[~mine], before[~mine])


def test_a_class_never_seen_stays_uncertain_though_frames_finished_elsewhere(
    placer: Placer, held: pd.DataFrame
) -> None:
    job = _job(held)
    nodes = [*NODES, {"node_class": "new", "cores": 2, "threads": 2}]

    cold = placer.forecast(tasks_of(job[3:4]), nodes)["run_time"]
    warm = placer.forecast(tasks_of(job[3:4]), nodes, finished=job[:3])["run_time"]

    assert warm.scale[0, 2] > 1.5 * warm.scale[0, :2].max()
    assert warm.scale[0, 2] < cold.scale[0, 2]


def test_a_frame_finished_on_a_new_class_settles_it(placer: Placer, held: pd.DataFrame) -> None:
    job = _job(held)
    nodes = [*NODES, {"node_class": "new", "cores": 2, "threads": 2}]

    there = placer.forecast(tasks_of(job[3:4]), nodes, finished=job[:3].assign(node_class="new"))["run_time"]

    assert there.scale[0, 2] < 0.5 * placer.forecast(tasks_of(job[3:4]), nodes)["run_time"].scale[0, 2]


def test_finished_frames_may_be_records(placer: Placer, held: pd.DataFrame) -> None:
    job = _job(held)
    records = job[:2].to_dict("records")

    found = placer.best(tasks_of(job[2:3]), NODES, finished=records)

    pd.testing.assert_frame_equal(found, placer.best(tasks_of(job[2:3]), NODES, finished=job[:2]))


def test_finished_frames_that_measured_no_memory_teach_the_run_time_alone(placer: Placer, held: pd.DataFrame) -> None:
    job = _job(held)
    tasks = tasks_of(job[2:3])

    for finished in (job[:2].drop(columns="peak_memory"), job[:2].assign(peak_memory=np.nan)):
        found = placer.forecast(tasks, NODES, finished=finished)

        assert found["run_time"].level_name(0, 0) == "job"
        assert found["peak_memory"].level_name(0, 0) != "job"


def test_attempts_that_did_not_finish_teach_no_run_time(placer: Placer, held: pd.DataFrame) -> None:
    job = _job(held)

    found = placer.forecast(tasks_of(job[2:3]), NODES, finished=job[:2].assign(status="killed"))

    assert found["run_time"].level_name(0, 0) != "job"


@pytest.mark.parametrize("value", [0.0, -3.0, np.inf])
def test_an_impossible_measurement_is_refused_by_value(placer: Placer, held: pd.DataFrame, value: float) -> None:
    job = _job(held)

    with pytest.raises(InvalidInput, match=f"run_time {value}: expected a positive, finite number"):
        placer.score(tasks_of(job[2:3]), NODES, finished=job[:2].assign(run_time=value))


@pytest.mark.parametrize("column", ["job_id", "node_class"])
def test_finished_frames_that_lack_what_ties_them_to_a_job_are_refused(
    placer: Placer, held: pd.DataFrame, column: str
) -> None:
    job = _job(held)

    with pytest.raises(InvalidInput, match=f"finished frames lack.*{column}"):
        placer.score(tasks_of(job[2:3]), NODES, finished=job[:2].drop(columns=column))


def _errors(placer: Placer, held: pd.DataFrame, seen: int) -> tuple[np.ndarray, np.ndarray]:
    """Absolute log errors, and whether measured times lay in the 80 % interval, of quiet frames after `seen` others."""
    errors, inside = [], []
    for _, job in held[(held["status"] == "ok") & (held["quiet"] == 1)].groupby("job_id"):
        frames = job["frame"].unique()
        if len(frames) < 4:
            continue
        shown, asked = job[job["frame"].isin(frames[:seen])], job[~job["frame"].isin(frames[:3])]
        nodes = [node for node in NODES if node["node_class"] in set(asked["node_class"])]
        found = placer.forecast(tasks_of(asked), nodes, finished=shown if seen else None)["run_time"]
        column = pd.Index([node["node_class"] for node in nodes]).get_indexer(asked["node_class"])
        low, mid, high = (found.quantile(p)[np.arange(len(asked)), column] for p in (0.1, 0.5, 0.9))
        errors.append(np.abs(np.log(asked["run_time"].to_numpy() / mid)))
        inside.append((low <= asked["run_time"].to_numpy()) & (asked["run_time"].to_numpy() <= high))
    return np.concatenate(errors), np.concatenate(inside)


def test_on_held_out_shots_three_frames_cut_the_error_and_keep_the_coverage(placer: Placer, held: pd.DataFrame) -> None:
    cold_error, cold_inside = _errors(placer, held, seen=0)
    error, inside = _errors(placer, held, seen=3)

    assert len(error) > 20
    assert np.median(error) < 0.5 * np.median(cold_error)
    assert 0.62 < cold_inside.mean() < 0.97
    assert 0.70 < inside.mean() < 0.97


def test_a_declared_estimate_that_held_is_kept_when_frames_finish(placer: Placer) -> None:
    strange = {**TASK, "job_type": "new", "renderer": "new", "job_id": "j", "frame": 1, "declared_run_time": 5000.0}
    finished = pd.DataFrame([{**strange, "frame": 2, "node_class": "cpu-1t", "run_time": 5000.0}])

    cold = placer.forecast([strange], NODES)["run_time"]
    found = placer.forecast([strange], NODES, finished=finished)["run_time"]

    assert cold.level_name(0, 0) == "declared estimate"
    assert found.quantile(0.5)[0, 0] == pytest.approx(5000.0, rel=0.15)


# --- best, explain, remaining ---------------------------------------------------------------------------------------


def test_best_is_the_lowest_score_of_each_task_in_their_order(placer: Placer, held: pd.DataFrame) -> None:
    tasks = tasks_of(held)[:20]

    chosen = placer.best(tasks, NODES)

    lowest = placer.score(tasks, NODES).groupby("task", observed=True)["score"].min()
    assert chosen["task"].tolist() == list(range(20))
    assert chosen["score"].to_numpy() == pytest.approx(lowest.to_numpy())


def test_a_task_no_node_can_run_says_what_ruled_each_class_out(placer: Placer) -> None:
    with pytest.raises(Infeasible) as wrong:
        placer.best([{**TASK, "task": "huge", "cores": 64, "software": "arnold"}], NODES)

    for word in ("huge", "cpu-1t", "cpu-2t", "cores", "arnold"):
        assert word in str(wrong.value)


def test_explain_names_features_values_and_what_was_ruled_out(placer: Placer) -> None:
    told = placer.explain([{**TASK, "spp": 4096, "cores": 2}], NODES, "cpu-2t")

    assert list(told.influences.columns) == ["feature", "value", "factor"]
    strength = np.abs(np.log(told.influences["factor"]))
    assert (np.diff(strength) <= 1e-12).all()
    assert told.influences.set_index("feature").loc["spp", "value"] == 4096
    assert list(told.ruled_out) == ["cpu-1t"]
    assert told.evidence == "job type × node class"


def test_explain_gives_trees_no_say_on_a_job_type_they_never_saw(placer: Placer) -> None:
    told = placer.explain([{"job_type": "new", "renderer": "new", "spp": 4096.0}], NODES, "cpu-1t").influences

    cold, tasks = (
        placer.targets["run_time"].cold,
        pd.DataFrame({"job_type": ["new"], "renderer": ["new"], "spp": [4096.0]}),
    )
    linear = cold.cold(tasks).linear[0]
    places, known = cold.nodes(pd.DataFrame({"node_class": ["cpu-1t"], "threads": [1.0], "cores": [1.0]}))
    constant = float(cold.linears[0].mean + cold.linears[0].task[0][0, 0])
    gaps = np.log(told["factor"]).sum() - float((linear.level + linear.on(places, known)[:, 0])[0] - constant)
    assert abs(gaps) < 1e-9
    assert "work" not in set(told["feature"])


@pytest.mark.parametrize(("tasks", "node_class"), [([TASK, TASK], "cpu-1t"), ([TASK], "cpu-9t"), ([], "cpu-1t")])
def test_explain_takes_one_task_and_a_class_that_is_there(placer: Placer, tasks: list[Any], node_class: str) -> None:
    with pytest.raises(InvalidInput, match=r"explain takes one task and one of \['cpu-1t', 'cpu-2t'\]"):
        placer.explain(tasks, NODES, node_class)


def running(**changes: object) -> list[dict[str, object]]:
    return [{**TASK, "task": "r", "node_class": "cpu-1t", "elapsed": 1.0, "fraction": 0.5, **changes}]


def test_the_rest_of_a_running_frame_follows_its_progress(placer: Placer) -> None:
    whole = placer.forecast([TASK], NODES)["run_time"].quantile(0.5)[0, 0]

    slow, quick = (
        placer.remaining(running(elapsed=whole / 2, fraction=share), NODES)["remaining_p50"].iloc[0]
        for share in (0.1, 0.9)
    )

    assert slow > whole
    assert 0 < quick < whole / 2


def test_the_rest_without_progress_is_what_the_forecast_leaves(placer: Placer) -> None:
    bare = running()
    del bare[0]["fraction"]

    table = placer.remaining(bare, NODES)

    assert table.index.tolist() == ["r"]
    assert list(table.columns) == ["remaining_p10", "remaining_p50", "remaining_p90"]
    assert (np.diff(table.to_numpy()) >= 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"elapsed": -1.0}, "elapsed -1.0 s"),
        ({"fraction": 1.5}, "fraction done 1.5"),
        ({"node_class": "cpu-9t"}, "node class 'cpu-9t' is not among"),
    ],
)
def test_impossible_progress_is_refused_by_value(placer: Placer, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        placer.remaining(running(**changes), NODES)


def test_running_frames_that_lack_columns_are_refused(placer: Placer) -> None:
    with pytest.raises(InvalidInput, match=r"lack columns \['elapsed', 'node_class'\]"):
        placer.remaining([TASK], NODES)


def test_on_held_out_shots_ends_lie_in_the_interval_their_progress_gave(placer: Placer, held: pd.DataFrame) -> None:
    told = held[held["progress"].notna() & (held["status"] == "ok") & (held["quiet"] == 1)]
    reports = [
        (row, at, share)
        for row, text in enumerate(told["progress"])
        for at, share in json.loads(text) or []
        if 0.1 < share < 0.9
    ]
    which = [row for row, _, _ in reports]
    frames = tasks_of(told).iloc[which].reset_index(drop=True)
    frames["node_class"] = told["node_class"].to_numpy()[which]
    frames["elapsed"], frames["fraction"] = [at for _, at, _ in reports], [share for _, _, share in reports]

    table = placer.remaining(frames, NODES).to_numpy()

    rest = told["run_time"].to_numpy()[which] - frames["elapsed"].to_numpy()
    assert len(rest) > 40
    assert 0.65 < ((table[:, 0] <= rest) & (rest <= table[:, 2])).mean() < 0.97


# --- model folders --------------------------------------------------------------------------------------------------


@pytest.fixture
def damaged(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "damaged"))


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptModel, match="no model folder"):
        Placer.load(tmp_path)


@pytest.mark.parametrize("name", ["model.json", "run_time.0.txt", "card.md"])
def test_a_truncated_file_is_refused_by_name(damaged: Path, name: str) -> None:
    (damaged / name).write_bytes((damaged / name).read_bytes()[:-50])

    with pytest.raises(CorruptModel, match=f"{name}.* is truncated"):
        Placer.load(damaged)


@pytest.mark.parametrize("name", ["model.json", "run_time.0.txt"])
def test_an_edited_file_is_refused_by_name(damaged: Path, name: str) -> None:
    text = (damaged / name).read_text()
    (damaged / name).write_text(text.replace("1", "2", 1))

    with pytest.raises(TamperedModel, match=name):
        Placer.load(damaged)


def test_a_model_of_another_version_is_refused_by_version(damaged: Path) -> None:
    manifest = json.loads((damaged / "manifest.json").read_text())
    (damaged / "manifest.json").write_text(json.dumps({**manifest, "schema": 99}))

    with pytest.raises(IncompatibleModel, match="99"):
        Placer.load(damaged)


def _edited(stored: Any, edit: str) -> dict[str, Any]:
    numbers = json.loads(json.dumps(stored.numbers))
    match edit:
        case "no targets":
            del numbers["targets"]
        case "no run time":
            del numbers["targets"]["run_time"]
        case "text for a number":
            numbers["targets"]["run_time"]["cold"]["mix"] = "half"
        case "a table too short":
            numbers["targets"]["run_time"]["calibration"]["z"] = [[0.0]]
        case "too many boosters":
            numbers["targets"]["run_time"]["boosters"] = 99
        case "a list for an object":
            numbers["targets"]["run_time"]["calibration"]["variance_type"] = [1]
    return dict(numbers)


@pytest.mark.parametrize(
    "edit",
    [
        "no targets",
        "no run time",
        "text for a number",
        "a table too short",
        "too many boosters",
        "a list for an object",
    ],
)
def test_a_folder_whose_hashes_hold_but_whose_content_does_not_is_refused(
    model_folder: Path, tmp_path: Path, edit: str
) -> None:
    stored = read_model(model_folder)
    boosters = {name: booster.text for name, booster in stored.boosters.items()}
    write_model(tmp_path / "edited", _edited(stored, edit), boosters, stored.card)

    with pytest.raises(ModelError):
        Placer.load(tmp_path / "edited")


def test_a_placer_without_run_time_is_refused(placer: Placer) -> None:
    with pytest.raises(InvalidInput, match="needs a model of run_time"):
        Placer({}, placer.power)


def test_scoring_imports_no_learner(model_folder: Path) -> None:
    program = (
        "import sys\nfrom placement.placer import Placer\n"
        f"Placer.load({str(model_folder)!r}).best([{TASK!r}], {NODES!r})\n"
        "heavy = ('lightgbm', 'sklearn', 'scipy.optimize', 'mlflow', 'dask')\n"
        "assert not (there := [name for name in heavy if name in sys.modules]), there"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_rules_reach_the_scores(placer: Placer) -> None:
    strict = placer.score([TASK], [{**NODES[0], "memory": 1}], rules=Rules())

    assert not strict["feasible"].any()
