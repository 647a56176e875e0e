"""How fast the library scores and trains, and what memory training takes as rows grow.

Everything is timed in processes of its own, on as many cores as the bar allows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.alone import cores, environment, run
from benchmarks.result import Result, Row
from benchmarks.timed import CLASSES, TASKS
from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput
from placement.farm import MODES
from training.synthetic import write_synthetic

__all__ = ["first_score", "score_latency", "train_large", "train_shipped"]

_STARTS = 5
_SIZES = (100_000, 1_000_000, 10_000_000)
_GIB = 1024.0**3
#: Of what a child may print; the rest is thrown away.
_TAIL = 2_000


def score_latency() -> Result:
    """Measure a warm score of 1,000 tasks × 20 classes × 3 modes on one core."""
    with _model() as model, cores(1):
        told = json.loads(run("-m", "benchmarks.timed", "score", str(model)))
    what = f"score of {TASKS} tasks × {CLASSES} classes × {len(MODES)} modes, warm, one core"
    note = f"{told['rows']:.0f} rows a call; baseline: the same boosters asked about each of {TASKS * CLASSES} pairs"
    return Result("score-latency", (Row(what, told["score"], 50.0, "<=", "ms", told["plain"]),), (note,))


def first_score() -> Result:
    """Measure a fresh process that loads the model and scores one task, beside one that only imports pandas."""
    ours, pandas = [], []
    with _model() as model:
        for _ in range(_STARTS):
            ours.append(_seconds("-m", "benchmarks.timed", "first", str(model)))
            pandas.append(_seconds("-c", "import pandas"))
    row = Row(f"process start to first score, median of {_STARTS}", median(ours), 1.5, "<=", "s", median(pandas))
    return Result("first-score", (row,), ("baseline: process start to `import pandas`",))


def train_shipped() -> Result:
    """Measure ``python -m training`` on the shipped telemetry, two cores."""
    with TemporaryDirectory() as folder, cores(2):
        arguments = ["-m", "training", "--out", f"{folder}/model", "--tracking", "none", "--quiet"]
        seconds, gib, told = _measured(arguments)
    row = Row("all targets on the shipped telemetry, two cores", seconds, 60.0, "<=", "s")
    return Result("train-shipped", (row,), (f"peak memory {gib:.2f} GiB; {told}",))


def train_large() -> Result:
    """Measure time and memory of training as synthetic rows grow to 10 million, two cores."""
    rows, notes = [], []
    with TemporaryDirectory() as name, cores(2):
        folder = Path(name)
        for count in _SIZES:
            path = write_synthetic(folder / f"rows-{count}.parquet", count)
            out = ["--out", str(folder / f"model-{count}"), "--quarantine", str(folder / "refused.jsonl")]
            arguments = ["-m", "training", "--telemetry", str(path), *out, "--tracking", "none", "--quiet"]
            seconds, gib, told = _measured([*arguments, "--scratch", name])
            path.unlink()
            rows.append(Row(f"peak memory, {count:,} rows", gib, 8.0, "<=", "GiB"))
            notes.append(f"{count:,} rows: {seconds:.0f} s, {gib:.2f} GiB; {told}")
    return Result("train-large", tuple(rows), tuple(notes))


@contextmanager
def _model() -> Iterator[Path]:
    """Give the shipped model, or one that is trained now where none is shipped."""
    try:
        found = shipped("models/live")
    except InvalidInput:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            run("-m", "training", "--out", str(path), "--tracking", "none", "--quiet")
            yield path
    else:
        yield found


def _seconds(*arguments: str) -> float:
    start = perf_counter()
    run(*arguments)
    return perf_counter() - start


def _measured(arguments: list[str]) -> tuple[float, float, str]:
    """Return seconds and peak resident GiB of a Python process, and what it said of its errors on held-out shots.

    Linux counts what this process holds when the child starts as the child's: the peak is never below that.
    """
    start = perf_counter()
    with TemporaryDirectory() as folder, (Path(folder) / "out").open("w+") as out:
        child = subprocess.Popen([sys.executable, *arguments], env=environment(), stdout=out, stderr=out)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read()
    if child.returncode:
        raise InvalidInput(f"python {' '.join(arguments)} ended with {child.returncode}: {said[-_TAIL:]}")
    # Linux counts ru_maxrss in KiB, macOS in bytes.
    peak = usage.ru_maxrss / (_GIB if sys.platform == "darwin" else 1024.0**2)
    told = "; ".join(line for line in said.splitlines() if "held-out" in line)
    return perf_counter() - start, peak, told
