"""Telemetry of any kind, shape and damage is read, and every row is accounted for."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placement.adapters.formats import ReadReport, iter_telemetry, load_mapping, read_telemetry
from placement.errors import InvalidInput
from placement.telemetry.canonical import TEXT, canonical

GOOD = {"job_id": "j", "job_type": "cycles", "node_class": "fast", "run_time": 10.0}
TMP = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)


def write(path: Path, table: pd.DataFrame) -> Path:
    if path.name.endswith(".parquet"):
        table.to_parquet(path)
    elif ".csv" in path.name:
        table.to_csv(path, index=False)
    else:
        table.to_json(path, orient="records", lines=True, double_precision=15)
    return path


def farm(rows: int = 1, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({**{name: [value] * rows for name, value in GOOD.items()}, **columns})


def quarantined(report: ReadReport) -> list[dict[str, object]]:
    assert report.quarantine is not None
    return [json.loads(line) for line in Path(report.quarantine).read_text(encoding="utf-8").splitlines()]


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9é_/]{0,8}[a-z]", fullmatch=True)
TABLES = st.lists(
    st.fixed_dictionaries({
        "job_id": NAMES,
        "job_type": NAMES,
        "node_class": NAMES,
        "frame": st.one_of(st.none(), st.integers(0, 9999)),
        "run_time": st.floats(0.1, 1e5).map(lambda value: round(value, 6)),
        "peak_memory": st.one_of(st.none(), st.floats(1, 1e5).map(lambda value: round(value, 3))),
        "denoise": st.one_of(st.none(), st.booleans()),
        "status": st.sampled_from([None, "ok", "killed"]),
        "progress": st.one_of(st.none(), st.just("[[0.5, 0.25],\n [1, 1]]")),
    }),
    min_size=1,
    max_size=12,
)


@TMP
@given(table=TABLES)
def test_every_format_gives_the_same_telemetry(tmp_path, table):
    rows = pd.DataFrame(table)
    names = ("a.parquet", "b.csv", "c.csv.gz", "d.jsonl", "e.jsonl.gz", "f.ndjson")
    kinds = [write(tmp_path / name, rows) for name in names]

    read = [read_telemetry(kind) for kind in kinds]

    for each in read[1:]:
        pd.testing.assert_frame_equal(each.rows, read[0].rows)
        assert each.fingerprint == read[0].fingerprint
    assert read[0].report.rows_kept == len(table)


@TMP
@given(table=TABLES, batch_rows=st.integers(1, 5))
def test_small_batches_give_the_same_telemetry_as_one(tmp_path, table, batch_rows):
    rows = pd.DataFrame(table)
    rows.loc[::3, "run_time"] = -1.0
    folder = tmp_path / "farm"
    folder.mkdir(exist_ok=True)
    write(folder / "one.csv", rows)
    write(folder / "two.jsonl", pd.concat([rows, farm()]))

    stream = iter_telemetry(folder, batch_rows=batch_rows)
    batches = list(stream)
    whole = read_telemetry(folder)

    assert all(len(batch) == batch_rows for batch in batches[:-1])
    pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), whole.rows)
    assert stream.report == whole.report


def test_a_stream_can_be_gone_through_again(tmp_path):
    stream = iter_telemetry(write(tmp_path / "farm.csv", farm(3, run_time=[1.0, -1.0, 2.0])))

    first, second = list(stream), list(stream)

    pd.testing.assert_frame_equal(first[0], second[0])
    assert stream.report.rows_read == 3
    assert len(quarantined(stream.report)) == 1


def test_bad_rows_stop_nothing_and_are_kept_with_their_place_and_values(tmp_path):
    table = farm(5, run_time=["10", "fast", "inf", "-3", ""], shot=["a", "b", "c", "../d", "e"])
    path = write(tmp_path / "farm.csv", table)

    telemetry = read_telemetry(path)

    assert telemetry.rows["shot"].tolist() == ["a"]
    assert telemetry.report.rows_read == 5
    assert telemetry.report.rows_quarantined == 4
    assert telemetry.report.quarantined == {
        "run_time: not a number": 1, "run_time: infinite": 1, "run_time: below 0 s": 1,
        "shot: path out of its folder": 1, "run_time: missing in an ok row": 1,
    }
    kept = quarantined(telemetry.report)
    assert [(row["row"], row["reasons"]) for row in kept] == [
        (2, ["run_time: not a number"]), (3, ["run_time: infinite"]),
        (4, ["shot: path out of its folder", "run_time: below 0 s"]), (5, ["run_time: missing in an ok row"]),
    ]
    assert kept[0]["source"] == str(path)
    assert kept[0]["values"] == {**GOOD, "run_time": "fast", "shot": "b"}
    assert kept[3]["values"]["run_time"] is None


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -5.0])
def test_targets_that_are_no_measurements_are_refused_in_every_format(tmp_path, ending, bad):
    path = tmp_path / f"farm.{ending}"
    table = farm(2, run_time=[3.0, bad])
    if ending == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in table.to_dict("records")), encoding="utf-8")
    else:
        write(path, table)

    telemetry = read_telemetry(path)

    assert telemetry.rows["run_time"].tolist() == [3.0]
    assert telemetry.report.rows_quarantined == 1


def test_a_million_rows_with_one_bad_column_end_in_an_error_that_names_it(tmp_path):
    rows = 1_000_000
    path = write(tmp_path / "farm.parquet", farm(rows, run_time=np.full(rows, "n/k")))

    with pytest.raises(InvalidInput, match=r"run_time: not a number \(1000000 rows, e.g. run_time = 'n/k' in row 1 of"):
        read_telemetry(path)

    with (tmp_path / "farm.parquet.quarantine.jsonl").open() as lines:
        assert sum(1 for _ in lines) == rows


@pytest.mark.parametrize("nothing", [b"", b"\n \n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl", "csv.gz"])
def test_an_empty_file_says_so(tmp_path, nothing, ending):
    path = tmp_path / f"farm.{ending}"
    if ending == "parquet" and nothing:
        pytest.skip("only an empty file is an empty Parquet file")
    path.write_bytes(gzip.compress(nothing) if ending.endswith("gz") else nothing)

    with pytest.raises(InvalidInput, match=r"farm\.\S+: the file is empty"):
        read_telemetry(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_header_without_rows_says_so(tmp_path, ending):
    path = write(tmp_path / f"farm.{ending}", farm().iloc[:0])

    with pytest.raises(InvalidInput, match=r"no rows, only the columns \['job_id', 'job_type', 'node_class'"):
        read_telemetry(path)


def test_missing_columns_are_named_with_what_is_there_and_the_way_out(tmp_path):
    path = write(tmp_path / "farm.csv", farm().rename(columns={"run_time": "seconds", "job_id": "job"}))

    with pytest.raises(InvalidInput) as told:
        read_telemetry(path)

    assert "farm.csv: columns ['job_id', 'run_time (or start_time and end_time)']" in str(told.value)
    assert "there are ['job', 'job_type', 'node_class', 'seconds']" in str(told.value)
    assert "option mapping" in str(told.value)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"run_time": [5e3, 6e3, 7e3], "start_time": 0.0, "end_time": [5.0, 6.0, 7.0]}, "looks like ms.*1000 x"),
        ({"peak_memory": [4e6, 5e6, 6e6], "node_memory": 65536.0}, "peak_memory: looks like KiB"),
        ({"node_memory": [32.0, 64.0, 64.0]}, "node_memory: looks like GiB"),
    ],
)
def test_wrong_units_are_refused_with_the_unit_that_would_fit(tmp_path, columns, told):
    path = write(tmp_path / "farm.csv", farm(3, **columns))

    with pytest.raises(InvalidInput, match=told):
        read_telemetry(path)


def test_the_unit_that_was_proposed_makes_it_fit(tmp_path):
    path = write(tmp_path / "farm.csv", farm(3, run_time=[5e3, 6e3, 7e3], start_time=0.0, end_time=[5.0, 6.0, 7.0]))
    mapping = tmp_path / "ms.toml"
    mapping.write_text('[columns]\nrun_time = { from = "run_time", unit = "ms" }\n', encoding="utf-8")

    telemetry = read_telemetry(path, mapping=mapping)

    assert telemetry.rows["run_time"].tolist() == [5.0, 6.0, 7.0]


def test_latin_1_names_in_a_utf_8_file_are_refused_and_kept_byte_by_byte(tmp_path):
    path = tmp_path / "farm.csv"
    text = "job_id,job_type,node_class,run_time,comment\ncafé,c,n,1,x\n{},c,n,2,x\nok,c,n,3,{}\n{},c\n"
    path.write_bytes(text.encode().replace(b"{}", "café".encode("latin-1")))

    telemetry = read_telemetry(path)

    assert telemetry.rows["job_id"].tolist() == ["café", "ok"]
    assert telemetry.report.quarantined == {
        "job_id: text that is not UTF-8": 1, "row: 2 values for 5 columns": 1,
    }
    kept = {row["row"]: row for row in quarantined(telemetry.report)}
    assert kept[2]["values"]["job_id"] == "caf\\xe9"
    assert kept[4]["text"] == "caf\\xe9,c"


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_with_a_byte_order_mark_is_read_by_it(tmp_path, encoding, ending):
    path = write(tmp_path / f"farm.{ending}", farm(2, shot=["straße", "東京"]))
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))

    telemetry = read_telemetry(path)

    assert telemetry.rows["shot"].tolist() == ["straße", "東京"]
    assert f"read as {encoding} (farm.{ending})" in telemetry.report.notes


def test_utf_16_without_a_mark_is_told_as_a_file(tmp_path):
    path = tmp_path / "farm.csv"
    farm().to_csv(path, index=False, encoding="utf-16-le")

    with pytest.raises(InvalidInput, match="UTF-16 without a byte-order mark"):
        read_telemetry(path)


def test_utf_16_bytes_in_the_middle_are_refused_as_rows(tmp_path):
    path = tmp_path / "farm.csv"
    head, row = b"job_id,job_type,node_class,run_time\n", b"a,b,c,1\n"
    path.write_bytes(head + row + "x,b,c,2".encode("utf-16-le") + b"\n" + row)

    telemetry = read_telemetry(path)

    assert telemetry.rows["job_id"].tolist() == ["a", "a"]
    assert telemetry.report.rows_quarantined == 1


def test_damaged_files_are_told_and_the_others_go_on(tmp_path):
    folder = tmp_path / "farm" / "deep"
    folder.mkdir(parents=True)
    good = write(folder / "good.csv", farm(2))
    whole = write(tmp_path / "whole.parquet", farm(100)).read_bytes()
    (folder / "truncated.parquet").write_bytes(whole[: len(whole) // 2])
    packed = gzip.compress(good.read_bytes())
    (folder / "truncated.csv.gz").write_bytes(packed[:-12])
    (folder / "wrong.csv.gz").write_bytes(b"not a gzip")
    (folder / "doubled.csv").write_text("job_id,job_id\na,b\n")
    (folder / "notes.txt").write_text("not telemetry")

    report = read_telemetry(tmp_path / "farm").report

    assert report.files == 5
    assert report.rows_kept == 2
    told = {Path(name).name: why for name, why in report.unreadable.items()}
    assert sorted(told) == ["doubled.csv", "truncated.csv.gz", "truncated.parquet", "wrong.csv.gz"]
    assert "appear more than once" in told["doubled.csv"]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_the_rows_before_the_damage_are_kept(tmp_path, ending):
    rows = 150_000
    text = write(tmp_path / f"plain.{ending}", farm(rows, frame=np.arange(rows))).read_bytes()
    path = tmp_path / f"farm.{ending}.gz"
    path.write_bytes(gzip.compress(text, 1)[:-2000])

    telemetry = read_telemetry(path)

    assert 0 < len(telemetry.rows) < rows
    assert telemetry.rows["frame"].tolist() == list(range(len(telemetry.rows)))
    assert list(telemetry.report.unreadable) == [str(path)]


def test_lines_that_are_no_objects_are_refused_one_by_one(tmp_path):
    path = tmp_path / "farm.jsonl"
    lines = [json.dumps(GOOD), "{", "[1]", "", "\ufeff{}", "[" * 100_000, json.dumps({**GOOD, "job_id": "k"})]
    path.write_text("\n".join(lines), encoding="utf-8")

    telemetry = read_telemetry(path)

    assert telemetry.rows["job_id"].tolist() == ["j", "k"]
    assert telemetry.report.quarantined == {"row: not a JSON object": 4}
    assert [row["row"] for row in quarantined(telemetry.report)] == [2, 3, 4, 5]


def test_hostile_names_are_refused(tmp_path):
    names = ["../../etc/passwd", "/root/x", '=HYPERLINK("http://x")', "a\0b", "x" * 300, "fine"]

    telemetry = read_telemetry(write(tmp_path / "farm.jsonl", farm(6, job_id=names)))

    assert telemetry.rows["job_id"].tolist() == ["fine"]
    assert telemetry.report.rows_quarantined == 5


def test_the_quarantine_goes_where_it_is_told_and_never_over_telemetry(tmp_path):
    path = write(tmp_path / "farm.csv", farm(2, run_time=[1.0, -1.0]))

    report = read_telemetry(path, quarantine=tmp_path / "refused.jsonl").report

    assert report.quarantine == str(tmp_path / "refused.jsonl")
    with pytest.raises(InvalidInput, match="is one of the telemetry files"):
        read_telemetry(path, quarantine=path)
    with pytest.raises(OSError, match="No such file"):
        read_telemetry(path, quarantine=tmp_path / "nowhere" / "refused.jsonl")


def test_without_a_writable_folder_the_quarantine_goes_to_a_temporary_one(tmp_path, monkeypatch):
    path = write(tmp_path / "farm.csv", farm(2, run_time=[1.0, -1.0]))
    (tmp_path / "farm.csv.quarantine.jsonl").mkdir()

    report = read_telemetry(path).report

    assert Path(report.quarantine).parent != tmp_path
    assert len(quarantined(report)) == 1


def test_a_quarantine_is_not_read_as_telemetry_and_absent_when_nothing_was_refused(tmp_path):
    write(tmp_path / "farm.csv", farm(2, run_time=[1.0, -1.0]))
    read_telemetry(tmp_path / "farm.csv")

    report = read_telemetry(tmp_path, quarantine=tmp_path / "other.jsonl").report

    assert report.files == 1
    assert read_telemetry(write(tmp_path / "good.csv", farm())).report.quarantine is None


def test_what_is_refused_is_written_before_the_next_batch_is_given(tmp_path):
    stream = iter_telemetry(write(tmp_path / "farm.csv", farm(3, run_time=[-1.0, 1.0, 2.0])), batch_rows=1)

    next(iter(stream))

    assert len(quarantined(stream.report)) == 1


@pytest.mark.parametrize(
    ("path", "told"),
    [("nowhere", "no such file or folder"), ("notes.txt", "of no known kind"), ("", "no file ends in one of")],
)
def test_a_path_without_telemetry_is_told(tmp_path, path, told):
    if path == "notes.txt":
        (tmp_path / path).write_text("x")

    with pytest.raises(InvalidInput, match=told):
        read_telemetry(tmp_path / path)


def test_a_batch_has_at_least_one_row(tmp_path):
    with pytest.raises(InvalidInput, match="batch_rows is 0"):
        iter_telemetry(tmp_path, batch_rows=0)


def test_a_mapping_that_does_not_fit_a_file_is_told(tmp_path):
    path = write(tmp_path / "farm.csv", farm())

    with pytest.raises(InvalidInput, match=r"columns \['engine', .* that mapping renders.toml requires are not there"):
        read_telemetry(path, mapping="renders")


def test_the_shipped_renders_are_read_whole_by_the_mapping_that_fits(repository):
    telemetry = read_telemetry(repository / "data" / "renders", progress=True)

    assert telemetry.report.rows_kept == telemetry.report.rows_read == 652
    assert telemetry.report.notes[0] == "read through the shipped mapping renders.toml (renders.parquet)"
    assert telemetry.rows["node_memory"].unique().tolist() == [23.54 * 1024]
    assert telemetry.rows["status"].value_counts().to_dict() == {"ok": 645, "timeout": 4, "error": 2, "oom": 1}
    cleaned = telemetry.cleaned()
    assert cleaned.report.dropped == {"error": 2, "failed, though it ended well": 1}
    assert int(cleaned.rows["censored"].sum()) == 5


def test_the_shipped_renders_are_the_same_through_csv_and_json_lines(repository, tmp_path):
    original = repository / "data" / "renders" / "renders.parquet"
    table = pd.read_parquet(original)

    read = [read_telemetry(write(tmp_path / name, table)) for name in ("r.csv.gz", "r.jsonl")]

    assert {each.fingerprint for each in read} == {read_telemetry(original).fingerprint}


def test_foreign_logs_come_in_through_their_mapping(shared_data):
    folder = shared_data / "blender-render-time"

    telemetry = read_telemetry(folder, mapping="blender_render_time")

    assert telemetry.report.rows_kept == 8068
    assert telemetry.report.rows_quarantined == 0
    assert sorted(telemetry.rows["node_class"].unique()) == ["nmsl3", "nmsl4", "nmsl5"]
    assert telemetry.rows["shot"].nunique() == 10
    assert telemetry.features == load_mapping("blender_render_time").features
    assert telemetry.rows[[each.name for each in telemetry.features]].notna().all(axis=None)
    assert telemetry.fingerprint == read_telemetry(folder).fingerprint


def test_files_with_different_mappings_make_one_table(tmp_path, repository):
    table = pd.read_parquet(repository / "data" / "renders" / "renders.parquet").head(3)
    write(tmp_path / "a.parquet", table)
    mapping = load_mapping("blender_render_time")
    write(tmp_path / "b.csv", pd.DataFrame({name: ["x" if name == "File" else 1.0] for name in mapping.needs}))

    telemetry = read_telemetry(tmp_path)

    assert len(telemetry.rows) == 4
    assert telemetry.features
    assert telemetry.rows.dtypes.isin([np.dtype("float64"), TEXT]).all()
    assert telemetry.features == mapping.features
    pd.testing.assert_frame_equal(telemetry.rows[:3][["spp"]], canonical(table)[0][["spp"]])
