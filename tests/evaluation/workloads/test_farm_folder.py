"""A farm's world as a folder of tables: what is written is read back, what is bad is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_catalog import farm_world
from placement.evaluation.workloads.farm_folder import read_farm
from placement.evaluation.workloads.farm_schema import TABLES
from placement.evaluation.workloads.farm_writing import write_farm
from placement.farm.clients import Clients
from placement.farm.machines import RESOURCES, Classes
from placement.farm.tariff import Outlook, Tariff
from placement.farm.work import Jobs
from placement.simulator.farm_world import FarmWorld, Faults, Fleet, Forecasts, Frames, WorldSteps

MINIMAL = {
    "nodes": "node_class\nold\nold\nnew\n",
    "jobs": "job\nshot\ncut\n",
    "steps": "step,job\na,shot\nb,cut\n",
    "run_times": "step,node_class,seconds\na,old,20\na,new,10\nb,new,5\n",
}


def assert_same(left: Any, right: Any, where: str = "") -> None:
    """Every array, number and word of two records is the same, and of the same type."""
    for each in fields(left):
        one, other, name = getattr(left, each.name), getattr(right, each.name), f"{where}.{each.name}"
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype, name
            np.testing.assert_array_equal(one, other, name)
        elif is_dataclass(one):
            assert_same(one, other, name)
        else:
            assert one == other, name


def folder(path: Path, **tables: str) -> Path:
    for name, text in {**MINIMAL, **tables}.items():
        (path / f"{name}.csv").write_text(text, encoding="utf-8")
    return path


@st.composite
def worlds(draw: st.DrawFn) -> FarmWorld:
    """Worlds with every table, numbers of all magnitudes, NaN and infinity where they mean something."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = st.lists(st.text("abcäß,\"' #", min_size=1, max_size=6).filter(lambda name: name == name.strip()),
                     min_size=1, max_size=3, unique=True)  # fmt: skip
    classes, clients = tuple(draw(names)), tuple(draw(names))
    k, c, modes = len(classes), len(clients), draw(st.integers(1, 3))
    jobs, nodes = draw(st.integers(1, 4)), draw(st.integers(1, 5))

    def some(*shape: int) -> np.ndarray:
        return np.exp(chance.normal(0, 8, shape))

    def maybe(column: np.ndarray, otherwise: float) -> np.ndarray:
        return np.where(chance.random(column.shape) < 0.3, otherwise, column)

    def share(*shape: int) -> np.ndarray:
        one = chance.uniform(0.1, 1, shape)
        one[:, 0] = 1.0
        return one

    steps_of = chance.integers(1, 4, jobs)
    job = np.repeat(np.arange(jobs), steps_of)
    rows = len(job)
    first = np.repeat(np.cumsum(steps_of) - steps_of, steps_of)
    after = np.array([chance.integers(start, row) if row > start and chance.random() < 0.7 else -1
                      for row, start in enumerate(first)], np.int64)  # fmt: skip
    frames = chance.integers(1, 5, rows)
    total = int(frames.sum())
    able = chance.random((rows, k)) < 0.6
    release = np.sort(some(jobs))
    start = np.sort(some(3))
    seconds = maybe(some(2), np.inf)
    return FarmWorld(
        name=draw(st.sampled_from(["farm", "Nacht – 3"])),
        classes=Classes(
            names=classes, offer=some(k, RESOURCES), worth=some(k), idle_watts=np.ones(k), busy_watts=2 + some(k),
            asleep_watts=some(k), wake_seconds=some(k), sleep_seconds=some(k), wake_joules=some(k),
            gpu_watts=chance.uniform(0, 1, k),
            speed=share(k, modes), draw=share(k, modes),
        ),
        fleet=Fleet(node_class=chance.integers(0, k, nodes), rack=chance.integers(0, 9, nodes), joins=np.zeros(nodes),
                    leaves=maybe(some(nodes), np.inf), slowness=some(nodes)),
        clients=Clients(
            names=clients, parent=np.arange(c) - 1, guarantee=np.full(c, 0.25), limit=np.full(c, 0.5), weight=some(c),
            lending=chance.integers(0, 4, c), reclaim=some(c), history=chance.normal(0, 1e9, c),
        ),
        jobs=Jobs(
            index=np.arange(jobs), client=np.full(jobs, c - 1), release=release,
            deadline=maybe(release + some(jobs), np.inf), importance=some(jobs), value=some(jobs),
            priority=chance.integers(1, 101, jobs).astype(float), held=chance.random(jobs) < 0.5,
        ),
        steps=WorldSteps(
            job=job, after=after, kind=chance.integers(0, 9, rows), frames=frames, request=some(rows, RESOURCES),
            declared_seconds=maybe(some(rows), np.nan), licence=chance.integers(-1, 2, rows),
            checkpoint=maybe(some(rows), np.inf), startup=some(rows), preview=chance.integers(0, 2, rows),
            seconds=np.where(able, some(rows, k), np.inf),
        ),
        frames=Frames(factor=some(total), memory=some(total), luck=chance.random(total)),
        forecasts=Forecasts(seconds=np.where(able, some(rows, k), np.inf), spread=chance.random(rows),
                            common=chance.random(rows), memory=some(rows)),
        licences=chance.integers(0, 9, 2),
        faults=Faults(time=np.sort(some(2)), kind=np.array(draw(st.lists(st.integers(0, 5), min_size=2, max_size=2))),
                      target=np.zeros(2, np.int64), seconds=seconds, factor=some(2)),
        tariff=Tariff(actual=Outlook(start=start, price=chance.normal(0, 1, 3), carbon=some(3)),
                      published=Outlook(start=start, price=chance.normal(0, 1, 3), carbon=some(3)), horizon=some(1)[0]),
        power_cap=draw(st.sampled_from([float("inf"), 1e5 / 3])), measure=(1 / 3, draw(st.sampled_from([7.7,
            float("inf")]))),
        notes=("A note, with a comma.", "Another."),
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(world=worlds(), kind=st.sampled_from(["csv", "parquet"]))
def test_a_world_is_read_back_exactly(world: FarmWorld, kind: Literal["csv", "parquet"]) -> None:
    with TemporaryDirectory() as path:
        write_farm(world, path, kind)

        assert_same(world, read_farm(path))


def test_a_generated_world_is_read_back_exactly_and_replaces_what_lay_there(tmp_path: Path) -> None:
    world = farm_world("disaster", 3, scale=0.02)

    write_farm(farm_world("single-client", 1, scale=0.1), tmp_path, "parquet")
    write_farm(world, tmp_path, "csv")

    assert_same(world, read_farm(tmp_path))


def test_a_minimal_folder_is_a_farm_of_one_slot_nodes(tmp_path: Path) -> None:
    world = read_farm(folder(tmp_path))

    assert world.classes.names == ("old", "new")
    assert world.classes.offer[:, 0].tolist() == [1, 1]
    assert world.fleet.node_class.tolist() == [0, 0, 1]
    assert len(set(world.fleet.rack.tolist())) == 3
    assert world.clients.names == ("all",)
    assert world.jobs.release.tolist() == [0, 0]
    assert np.isinf(world.jobs.deadline).all()
    assert world.steps.seconds.tolist() == [[20, 10], [np.inf, 5]]
    assert world.frames.factor.tolist() == [1, 1]
    assert world.measure == (0.0, float("inf"))


def test_derived_forecasts_depend_on_the_seed_alone(tmp_path: Path) -> None:
    one, same, other = (read_farm(folder(tmp_path), seed) for seed in (1, 1, 2))

    assert_same(one, same)
    assert not np.array_equal(one.forecasts.seconds, other.forecasts.seconds)


def test_jobs_are_put_in_order_of_release_and_steps_after_those_they_wait_for(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        jobs="job,release\nlate,9\nearly,1\n",
        steps="step,job,after\ncomp,late,render\nrender,late,sim\nsim,late,\nonly,early,\n",
        run_times="step,node_class,seconds\ncomp,new,1\nrender,new,2\nsim,new,3\nonly,new,4\n",
    )

    world = read_farm(path)

    assert world.jobs.release.tolist() == [1, 9]
    assert world.steps.seconds[:, 1].tolist() == [4, 3, 2, 1]
    assert world.steps.job.tolist() == [0, 1, 1, 1]
    assert world.steps.after.tolist() == [-1, -1, 1, 2]


def test_times_may_be_by_job_type(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        steps="step,job,job_type,frames\na,shot,hair,2\nb,cut,smoke,3\n",
        run_times="job_type,node_class,seconds\nhair,old,9\nsmoke,new,4\nwater,new,1\n",
    )

    world = read_farm(path)

    assert world.steps.seconds.tolist() == [[9, np.inf], [np.inf, 4]]
    assert world.steps.kind.tolist() == [0, 1]


def test_times_may_be_by_frame_and_say_how_far_they_are_from_one_factor(tmp_path: Path) -> None:
    steps = "step,job,frames\na,shot,2\nb,cut,1\n"
    exact = "step,frame,node_class,seconds\na,0,old,10\na,1,old,30\na,0,new,5\na,1,new,15\nb,0,new,7\n"

    world = read_farm(folder(tmp_path, steps=steps, run_times=exact))
    crossed = read_farm(folder(tmp_path, steps=steps, run_times=exact.replace("new,15", "new,5")))

    assert world.steps.seconds.tolist() == [[20, 10], [np.inf, 7]]
    assert world.frames.factor.tolist() == [0.5, 1.5, 1.0]
    assert world.notes == ()
    assert "off by" in crossed.notes[0]


BAD: dict[str, tuple[dict[str, str], list[str]]] = {
    "a number that is none": ({"run_times": "step,node_class,seconds\na,old,ten\n"},
                              ["run_times.csv", "row 1", "seconds", "'ten'", "above 0 s"]),
    "a time of 0": ({"run_times": "step,node_class,seconds\na,new,1\nb,new,0\n"}, ["row 2", "seconds", "'0'",
        "above 0 s"]),
    "an infinite time": ({"run_times": "step,node_class,seconds\na,new,inf\n"}, ["row 1", "seconds", "inf"]),
    "a missing value": ({"run_times": "step,node_class,seconds\na,new,\n"}, ["row 1", "seconds", "above 0 s"]),
    "an underscore in a number": ({"run_times": "step,node_class,seconds\na,new,1_0\n"}, ["row 1", "'1_0'"]),
    "an unknown step": ({"run_times": "step,node_class,seconds\nz,new,1\n"}, ["row 1", "column step", "'z'", "steps"]),
    "an unknown class": ({"run_times": "step,node_class,seconds\na,gpu,1\n"}, ["column node_class", "'gpu'"]),
    "a cell twice": ({"run_times": "step,node_class,seconds\na,new,1\na,new,2\n"}, ["row 2", "twice"]),
    "no frame of a class": ({"steps": "step,job,frames\na,shot,2\nb,cut,1\n",
                             "run_times": "step,frame,node_class,seconds\na,0,new,1\nb,0,new,1\n"}, ["1 frames",
                                 "'a'"]),
    "a frame beyond the last": ({"run_times": "step,frame,node_class,seconds\na,7,new,1\n"}, ["frame", "7", "0 to 0"]),
    "step and job type at once": ({"run_times": "step,job_type,node_class,seconds\na,0,new,1\n"}, ["and not both"]),
    "an unknown column": ({"jobs": "job,dead_line\nshot,5\ncut,5\n"}, ["jobs.csv", "dead_line", "deadline"]),
    "a missing column": ({"jobs": "name\nshot\n"}, ["jobs.csv", "name"]),
    "semicolons": ({"nodes": "node_class;count\nold;2\n"}, ["nodes.csv"]),
    "more values than columns": ({"nodes": "node_class\nold,1\nnew,2\n"}, ["nodes.csv", "header"]),
    "an empty file": ({"nodes": ""}, ["nodes.csv", "cannot be read"]),
    "a job without steps' job": ({"steps": "step,job\na,shot\nb,other\n"}, ["steps.csv", "row 2", "'other'", "jobs"]),
    "a deadline before the release": ({"jobs": "job,release,deadline\nshot,9,5\ncut,0,\n"},
                                      ["jobs.csv", "row 1", "deadline", "5.0", "9 s"]),
    "a priority beyond 100": ({"jobs": "job,priority\nshot,101\ncut,1\n"}, ["priority", "'101'", "at most 100"]),
    "half a frame": ({"steps": "step,job,frames\na,shot,1.5\nb,cut,1\n"}, ["frames", "'1.5'", "whole number"]),
    "frames without end": ({"steps": "step,job,frames\na,shot,1e300\nb,cut,1\n"}, ["frames", "at most 1e+08"]),
    "negative memory": ({"steps": "step,job,memory\na,shot,-4\nb,cut,1\n"}, ["memory", "'-4'", "MiB"]),
    "a circle": ({"steps": "step,job,after\na,shot,c\nb,cut,\nc,shot,a\n"}, ["after", "circle"]),
    "waiting for itself": ({"steps": "step,job,after\na,shot,a\nb,cut,\n"}, ["after", "circle"]),
    "waiting for another job": ({"steps": "step,job,after\na,shot,\nb,cut,a\n"}, ["row 2", "after", "same job"]),
    "a job twice": ({"jobs": "job\nshot\nshot\n"}, ["jobs.csv", "row 2", "twice"]),
    "nodes without end": ({"nodes": "node_class,count\nold,999999\nnew,999999\n"}, ["1000000"]),
    "leaving before joining": ({"nodes": "node_class,joins,leaves\nold,9,1\nnew,0,\n"}, ["leaves", "1.0", "9 s"]),
    "an unknown lending": ({"clients": "client,lending\nall,maybe\n"}, ["clients.csv", "lending", "'maybe'",
        "preempt"]),
    "a guarantee above the limit": ({"clients": "client,guarantee,limit\nall,0.9,0.5\n"}, ["guarantee", "0.9", "0.5"]),
    "guarantees above the farm": ({"clients": "client,guarantee\na,0.9\nb,0.9\n"}, ["clients.csv", "1.8"]),
    "a parent further down": ({"clients": "client,parent\na,b\nb,\n"}, ["row 1", "parent", "'b'"]),
    "an unknown client": ({"clients": "client\na\n", "jobs": "job,client\nshot,b\ncut,a\n"}, ["row 1", "client",
        "'b'"]),
    "a job of a parent": ({"clients": "client,parent\na,\nb,a\n", "jobs": "job,client\nshot,a\ncut,b\n"}, ["under it"]),
    "busy below idle": ({"node_classes": "node_class,idle_watts,busy_watts\nold,9,5\nnew,1,2\n"}, ["busy_watts",
        "9 W"]),
    "GPUs above busy": ({"node_classes": "node_class,idle_watts,busy_watts,gpu_watts\nold,1,5,4\nnew,1,2,3\n"},
        ["row 2", "gpu_watts", "at most", "1 W"]),
    "a mode left out": ({"modes": "node_class,mode,speed,draw\nold,0,1,1\n"}, ["modes.csv", "modes 0 to 0"]),
    "a mode faster than the fastest": ({"modes": "node_class,mode,speed,draw\nold,0,2,1\n"}, ["speed", "at most 1"]),
    "a price of no number": ({"tariffs": "start,price\n0,dear\n"}, ["tariffs.csv", "'dear'", "EUR/kWh"]),
    "a price at one time twice": ({"tariffs": "start,price\n0,1\n0,2\n"}, ["row 2", "twice"]),
    "an unknown fault": ({"faults": "time,kind,target\n1,flood,0\n"}, ["faults.csv", "'flood'", "rack_loss"]),
    "a corrupt scene of no step": ({"faults": "time,kind,target\n1,corrupt_scene,z\n"}, ["target", "'z'"]),
    "a crash of no number": ({"faults": "time,kind,target\n1,crash,node7\n"}, ["target", "'node7'", "number"]),
    "an unknown licence": ({"steps": "step,job,licence\na,shot,x\nb,cut,\n"}, ["licence", "'x'"]),
    "an unknown fact": ({"farm": "key,value\ncolour,red\n"}, ["farm.csv", "'colour'", "power_cap"]),
    "a cap that is no number": ({"farm": "key,value\npower_cap,much\n"}, ["power_cap", "'much'", "W"]),
    "forecasts without errors": ({"forecasts": "step,node_class,seconds\na,old,1\n"}, ["forecast_errors"]),
    "a forecast where nothing runs": (
        {"forecasts": "step,node_class,seconds\na,old,1\na,new,1\nb,old,1\nb,new,1\n",
         "forecast_errors": "step,spread,common,memory\na,0,0,1\nb,0,0,1\n"}, ["no run time", "'b'", "'old'"]),
    "frames left out": ({"frames": "step,frame\na,0\n"}, ["frames.csv", "1 rows", "2 frames"]),
    "luck of 1": ({"frames": "step,frame,luck\na,0,1\nb,0,0\n"}, ["luck", "below 1"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case: str, tmp_path: Path) -> None:
    tables, told = BAD[case]

    with pytest.raises(InvalidInput) as raised:
        read_farm(folder(tmp_path, **tables))

    assert [part for part in told if part not in str(raised.value)] == [], str(raised.value)
    assert "np." not in str(raised.value)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_mixed_up_tables_are_read_or_refused_by_name(data: st.DataObject) -> None:
    world = farm_world("single-client", 1, scale=0.02)
    stem = data.draw(st.sampled_from(sorted(set(TABLES) - {"faults", "licences"})))
    with TemporaryDirectory() as path:
        write_farm(world, path)
        file = Path(path) / f"{stem}.csv"
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        row = data.draw(st.integers(0, len(table) - 1))
        column = data.draw(st.sampled_from(list(table.columns)))
        table.loc[row, column] = data.draw(
            st.sampled_from(["", "-1", "0", "1e309", "nan", "-inf", "2", "1.5", "x", "1e15", '"', "\x00", "9" * 400])
        )
        table.to_csv(file, index=False)

        try:
            read = read_farm(path)
        except InvalidInput as wrong:
            told = str(wrong)
        else:
            told = read.name if len(read.steps.job) == len(world.steps.job) else ""

    assert told


def test_bytes_that_are_no_text_and_no_parquet_are_refused(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / "nodes.csv").write_bytes(b"node_class\n\xff\xfe\x00\n")

    with pytest.raises(InvalidInput, match=r"nodes\.csv"):
        read_farm(path)

    (path / "nodes.csv").unlink()
    (path / "nodes.parquet").write_bytes(b"PAR1 not at all")
    with pytest.raises(InvalidInput, match=r"nodes\.parquet"):
        read_farm(path)


def test_a_table_may_not_be_there_twice_nor_be_missing(tmp_path: Path) -> None:
    path = folder(tmp_path)
    pd.DataFrame({"node_class": ["old"]}).to_parquet(path / "nodes.parquet")

    with pytest.raises(InvalidInput, match="both"):
        read_farm(path)

    for name in ("nodes.parquet", "nodes.csv"):
        (path / name).unlink()
    with pytest.raises(InvalidInput, match=r"no nodes\.csv"):
        read_farm(path)
    with pytest.raises(InvalidInput, match="not there"):
        read_farm(path / "nowhere")


def test_a_byte_order_mark_and_blanks_are_borne(tmp_path: Path) -> None:
    path = folder(tmp_path, nodes="\ufeffnode_class, count\nold , 2\nnew, 1\n")

    assert read_farm(path).fleet.node_class.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "change",
    [
        lambda world: replace(world, name=" farm"),
        lambda world: replace(world, notes=("line\nbreak",)),
        lambda world: replace(world, jobs=replace(world.jobs, index=world.jobs.index + 1)),
    ],
)
def test_a_world_that_could_not_be_read_back_is_not_written(
    change: Callable[[FarmWorld], FarmWorld], tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput):
        write_farm(change(farm_world("single-client", 1, scale=0.02)), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_the_manual_names_every_table_and_column(repository: Path) -> None:
    manual = (repository / "docs" / "workloads.md").read_text(encoding="utf-8")
    missing = [f"{stem}.{column.name}" for stem, form in TABLES.items() for column in form.columns
               if f"`{column.name}`" not in manual or f"`{stem}`" not in manual]  # fmt: skip

    assert missing == []
