"""A whole farm's world as a folder of plain tables, so that anybody can bring their own; see ``docs/workloads.md``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_chance import Uncertainty
from placement.evaluation.workloads.farm_folder_work import read_forecasts, read_work
from placement.evaluation.workloads.farm_schema import TABLES
from placement.evaluation.workloads.farm_table import FarmTable, read_table
from placement.farm.clients import Clients, Lending
from placement.farm.machines import Classes
from placement.farm.tariff import Outlook, Tariff
from placement.farm.work import Jobs
from placement.simulator.farm_world import FarmWorld, Fault, Faults, Fleet, flat_tariff
from placement.units import Ints

__all__ = ["read_farm"]

_OFFERED = ("cores", "memory", "gpus", "gpu_memory", "scratch")
_MOST_NODES = 1_000_000
_KEYS = ("name", "power_cap", "measure_start", "measure_end", "tariff_horizon", "note")


def read_farm(folder: Path | str, seed: int = 0, uncertainty: Uncertainty | None = None) -> FarmWorld:
    """Read a world from the tables of a folder.

    Parameters
    ----------
    folder
        Tables of `placement.evaluation.workloads.farm_schema.TABLES`, each as CSV or Parquet.
    seed
        Of what the folder leaves to chance: forecasts and frames' luck where it has no tables of them.
    uncertainty
        How far derived forecasts err.

    Raises
    ------
    InvalidInput
        A table is missing or a value is bad; the message names file, row, column, value, unit and expectation.
    """
    path = Path(folder)
    if not path.is_dir():
        raise InvalidInput(f"workload folder {str(path)!r} is not there")
    found = {stem: read_table(path, stem) for stem in TABLES}
    nodes, jobs = found["nodes"], found["jobs"]
    assert nodes is not None
    assert jobs is not None
    facts = _facts(found["farm"], path.name)
    classes = _classes(found["node_classes"], found["modes"], nodes)
    clients, client = _clients(found["clients"], jobs)
    order = np.argsort(jobs.numbers("release"), kind="stable")
    licences, licence_names = _licences(found["licences"])
    work = read_work(found, classes.names, jobs.words("job")[order], licence_names, seed)
    forecasts = read_forecasts(found, work, classes.names, uncertainty or Uncertainty(), seed)
    return FarmWorld(
        name=facts.name, classes=classes, fleet=_fleet(nodes, classes.names), clients=clients,
        jobs=_jobs(jobs, client, order), steps=work.steps, frames=work.frames, forecasts=forecasts, licences=licences,
        faults=_faults(found["faults"], work.names, licence_names), tariff=_tariff(found["tariffs"], facts.horizon),
        power_cap=facts.power_cap, measure=(facts.start, facts.end), notes=(*facts.notes, *work.notes),
    )  # fmt: skip


@dataclass(slots=True)
class _Facts:
    name: str
    power_cap: float = float("inf")
    start: float = 0.0
    end: float = float("inf")
    horizon: float = 86400.0
    notes: list[str] = field(default_factory=list)


def _facts(table: FarmTable | None, name: str) -> _Facts:
    facts = _Facts(name)
    for row in range(table.rows if table else 0):
        assert table is not None
        key, value = table.words("key")[row], table.words("value")[row]
        if key == "note":
            facts.notes.append(value)
        elif key == "name":
            facts.name = value
        elif key in _KEYS:
            try:
                number = float(value)
            except ValueError:
                number = float("nan")
            if not number >= 0:
                raise table.wrong(
                    row, f"value of {key}", value, f"a number of 0 or more {'W' if 'cap' in key else 's'}"
                )
            attribute = {"measure_start": "start", "measure_end": "end", "tariff_horizon": "horizon"}.get(key, key)
            setattr(facts, attribute, number)
        else:
            raise table.wrong(row, "key", key, f"one of {list(_KEYS)}")
    return facts


def _classes(table: FarmTable | None, modes: FarmTable | None, nodes: FarmTable) -> Classes:
    """Return the classes of their table, or one-slot classes in the order in which nodes name them."""
    names = tuple(table.words("node_class")) if table else tuple(dict.fromkeys(nodes.words("node_class")))
    column = {each.name: each for each in TABLES["node_classes"].columns}

    def numbers(name: str) -> np.ndarray:
        otherwise = column[name].otherwise
        assert not isinstance(otherwise, str | None)
        return table.numbers(name) if table else np.full(len(names), otherwise)

    worth = numbers("worth")
    for row in range(table.rows if table else 0):
        assert table is not None
        busy, idle, gpus = (table.numbers(name)[row] for name in ("busy_watts", "idle_watts", "gpu_watts"))
        if busy < idle:
            raise table.wrong(row, "busy_watts", busy, f"at least idle_watts, {idle:g} W")
        if gpus > busy - idle:
            raise table.wrong(row, "gpu_watts", gpus, f"at most busy_watts less idle_watts, {busy - idle:g} W")
    rest = {name: numbers(name) for name in column if name not in ("node_class", "worth", *_OFFERED)}
    speed, draw = _modes(modes, names)
    worth = np.where(np.isnan(worth), np.maximum(numbers("cores"), 1e-9), worth)
    offer = np.stack([numbers(name) for name in _OFFERED], axis=1)
    return Classes(names=names, offer=offer, worth=worth, speed=speed, draw=draw, **rest)


def _modes(table: FarmTable | None, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return speed and draw; every class must have the same modes, counted from 0."""
    if table is None or not table.rows:
        return np.ones((len(names), 1)), np.ones((len(names), 1))
    of, mode = table.codes("node_class", names, "node_classes"), table.whole("mode")
    count = int(mode.max()) + 1
    if len(of) != count * len(names):
        raise InvalidInput(
            f"{table.name} has {len(of)} rows, expected modes 0 to {count - 1} for each of {list(names)}"
        )
    both = np.ones((2, len(names), count))
    both[:, of, mode] = table.numbers("speed"), table.numbers("draw")
    return both[0], both[1]


def _fleet(table: FarmTable, names: tuple[str, ...]) -> Fleet:
    count = table.whole("count")
    if not 0 < count.sum() <= _MOST_NODES:
        raise InvalidInput(f"{table.name} has {count.sum()} nodes, expected 1 to {_MOST_NODES}")
    late = table.numbers("leaves") < table.numbers("joins")
    if late.any():
        row = int(late.argmax())
        value = table.numbers("leaves")[row]
        raise table.wrong(row, "leaves", value, f"at or after joins, {table.numbers('joins')[row]:g} s")
    rows = np.repeat(np.arange(table.rows), count)
    rack = table.whole("rack")[rows]
    alone = rack.max(initial=-1) + 1 + np.arange(len(rows))
    return Fleet(
        node_class=table.codes("node_class", names, "node_classes")[rows],
        rack=np.where(rack >= 0, rack, alone),
        joins=table.numbers("joins")[rows],
        leaves=table.numbers("leaves")[rows],
        slowness=table.numbers("slowness")[rows],
    )


def _clients(table: FarmTable | None, jobs: FarmTable) -> tuple[Clients, Ints]:
    """Return the clients and each job's; without a table, those that jobs name, with no guarantee and no limit."""
    names = (
        tuple(table.words("client")) if table else tuple(dict.fromkeys(word or "all" for word in jobs.words("client")))
    )
    if table is None:
        of = np.array([names.index(word or "all") for word in jobs.words("client")], np.int64)
        rows = len(names)
        return (
            Clients(
                names=names, parent=np.full(rows, -1), guarantee=np.zeros(rows), limit=np.ones(rows),
                weight=np.ones(rows), lending=np.full(rows, int(Lending.FRAME)), reclaim=np.full(rows, 300.0),
                history=np.zeros(rows),
            ),
            of,
        )  # fmt: skip
    parent = table.codes("parent", names, table.name)
    over = table.numbers("guarantee") > table.numbers("limit")
    late = parent >= np.arange(len(names))
    if over.any():
        row = int(over.argmax())
        value = table.numbers("guarantee")[row]
        raise table.wrong(row, "guarantee", value, f"at most the limit, {table.numbers('limit')[row]:g}")
    if late.any():
        row = int(late.argmax())
        raise table.wrong(row, "parent", table.words("parent")[row], "a client of a row before")
    lending = np.array([int(Lending[word.upper()]) for word in table.words("lending")], np.int64)
    columns = {name: table.numbers(name) for name in ("guarantee", "limit", "weight", "reclaim", "history")}
    try:
        clients = Clients(names=names, parent=parent, lending=lending, **columns)
    except InvalidInput as wrong:
        raise InvalidInput(f"{table.name}: {wrong}") from wrong
    of = jobs.codes("client", names, table.name) if jobs.has("client") else np.zeros(jobs.rows, np.int64)
    for bad, why in ((of < 0, f"a client of {table.name}"), (np.isin(of, parent), "a client without clients under it")):
        if bad.any():
            row = int(bad.argmax())
            raise jobs.wrong(row, "client", jobs.words("client")[row], why)
    return clients, of


def _jobs(table: FarmTable, client: Ints, order: Ints) -> Jobs:
    early = table.numbers("deadline") < table.numbers("release")
    if early.any():
        row = int(early.argmax())
        value = table.numbers("deadline")[row]
        raise table.wrong(row, "deadline", value, f"at or after the release, {table.numbers('release')[row]:g} s")
    columns = {name: table.numbers(name)[order] for name in ("release", "deadline", "importance", "value")}
    return Jobs(
        index=np.arange(table.rows), client=client[order], priority=table.numbers("priority")[order],
        held=table.numbers("held")[order].astype(bool), **columns,
    )  # fmt: skip


def _licences(table: FarmTable | None) -> tuple[Ints, tuple[str, ...]]:
    return (table.whole("count"), tuple(table.words("licence"))) if table else (np.zeros(0, np.int64), ())


def _tariff(table: FarmTable | None, horizon: float) -> Tariff:
    """Return the tariff; where nothing was published what came was, without a table prices are flat."""
    if table is None or not table.rows:
        flat = flat_tariff()
        return Tariff(actual=flat.actual, published=flat.published, horizon=horizon)
    rows = np.argsort(table.numbers("start"), kind="stable")
    start, paid = table.numbers("start")[rows], {key: table.numbers(key)[rows] for key in ("price", "carbon")}
    told = {key: table.numbers(f"published_{key}")[rows] for key in paid}
    known = {key: np.where(np.isnan(told[key]), paid[key], told[key]) for key in paid}
    return Tariff(
        actual=Outlook(start=start, **paid), published=Outlook(start=start.copy(), **known), horizon=horizon
    )  # fmt: skip


def _faults(table: FarmTable | None, steps: np.ndarray, licences: tuple[str, ...]) -> Faults:
    """Return the faults; nodes and racks are named by number, steps and licences by name."""
    if table is None:
        return Faults.none()
    kind = np.array([int(Fault[word.upper()]) for word in table.words("kind")], np.int64)
    target, words = np.zeros(table.rows, np.int64), table.words("target")
    for row, word in enumerate(words):
        names = {Fault.CORRUPT_SCENE: steps, Fault.LICENCE_LOSS: licences}.get(Fault(kind[row]))
        if names is None and not (word.isdecimal() and len(word) < 16):
            raise table.wrong(row, "target", word, "the number of a node or rack, from 0")
        target[row] = int(word) if names is None else -1
    for which, names in ((Fault.CORRUPT_SCENE, steps), (Fault.LICENCE_LOSS, licences)):
        found = np.asarray([dict(zip(names, range(len(names)), strict=True)).get(words[row], -1)
                            for row in np.flatnonzero(kind == which)], np.int64)  # fmt: skip
        target[kind == which] = found
        if (found < 0).any():
            row = int(np.flatnonzero(kind == which)[int((found < 0).argmax())])
            raise table.wrong(row, "target", words[row], "the name of a step or licence")
    order = np.argsort(table.numbers("time"), kind="stable")
    return Faults(time=table.numbers("time")[order], kind=kind[order], target=target[order],
                  seconds=table.numbers("seconds")[order], factor=table.numbers("factor")[order])  # fmt: skip
