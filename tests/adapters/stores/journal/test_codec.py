from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.adapters.stores.journal.codec import Codec
from placement.errors import IncompatibleJournal, InvalidInput, Tampered
from placement.farm.facts import FACTS, Decided, Fact, JobPaused, LicencesSet, PolicySet
from tests.adapters.stores.journal.some_facts import facts_of, paused, some_day


@pytest.mark.parametrize("kind", FACTS)
@given(data=st.data())
@settings(max_examples=25)
def test_a_fact_of_every_kind_comes_back_as_it_was(kind: str, data: st.DataObject) -> None:
    fact = data.draw(facts_of(FACTS[kind]))
    codec = Codec()

    name, version, body = codec.encode(fact)

    assert (name, version) == (kind, FACTS[kind].version)
    assert codec.decode(name, version, body) == fact
    json.loads(body, parse_constant=pytest.fail)


def test_numbers_that_json_has_no_word_for_come_back() -> None:
    rules = PolicySet(at=0.0, rules={"cap": math.inf, "floor": -math.inf, "odd": math.nan, "word": "inf", "whole": 3})
    codec = Codec()

    again = codec.decode(*codec.encode(rules))

    assert isinstance(again, PolicySet)
    assert math.isnan(again.rules["odd"])
    assert {**again.rules, "odd": 0} == {**rules.rules, "odd": 0}


def test_an_infinite_number_where_none_is_allowed_too_is_not_lost() -> None:
    started = replace(some_day()[4], score=math.inf)
    codec = Codec()

    assert codec.decode(*codec.encode(started)) == started


def test_numpys_numbers_and_read_only_mappings_are_written_as_plain_ones() -> None:
    fact = Decided(
        at=np.float64(5.5), round=np.int64(3), waiting=0, running=0, starts=0, stops=0, seconds=np.float32(0.5),
        history=MappingProxyType({"film": np.float64(2.0)}),
    )  # fmt: skip
    codec = Codec()

    again = codec.decode(*codec.encode(fact))

    assert again == replace(fact, history={"film": 2.0})
    assert type(again.at) is float


@pytest.mark.parametrize(
    "fact",
    [
        LicencesSet(at=0.0, name="houdini", count="three"),
        LicencesSet(at=0.0, name="\ud800", count=1),
        LicencesSet(at=0.0, name=object(), count=1),
        PolicySet(at=0.0, rules={"on": True}),
        PolicySet(at=0.0, rules={"odd": math.nan, "on": [1]}),
    ],
)
def test_what_could_not_be_read_back_is_refused(fact: Fact) -> None:
    with pytest.raises(InvalidInput, match="cannot be written down"):
        Codec().encode(fact)


def test_only_known_kinds_are_written() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Strange(Fact):
        pass

    with pytest.raises(InvalidInput, match="'Strange' is no kind of fact"):
        Codec().encode(Strange(at=0.0))


def test_older_versions_are_upgraded_step_by_step() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Newer(JobPaused):
        version = 3
        why: str

    def with_why(fields: dict[str, object]) -> dict[str, object]:
        return {**fields, "why": "unknown"}

    def with_job(fields: dict[str, object]) -> dict[str, object]:
        return {"at": fields["at"], "job": fields["name"]}

    codec = Codec({"JobPaused": Newer}, {("JobPaused", 1): with_job, ("JobPaused", 2): with_why})

    assert codec.decode("JobPaused", 1, '{"at":1.0,"name":"a"}') == Newer(at=1.0, job="a", why="unknown")
    assert codec.decode("JobPaused", 2, '{"at":1.0,"job":"a"}') == Newer(at=1.0, job="a", why="unknown")
    with pytest.raises(IncompatibleJournal, match="cannot read version 0"):
        codec.decode("JobPaused", 0, "{}")


def test_what_a_later_release_wrote_is_not_guessed() -> None:
    with pytest.raises(IncompatibleJournal, match="version 2, this release reads up to 1"):
        Codec().decode("JobPaused", 2, "{}")
    with pytest.raises(IncompatibleJournal, match="'JobTeleported': not known here"):
        Codec().decode("JobTeleported", 1, "{}")


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"at":"noon","job":"a"}', '{"~":[["nowhere","inf"]]}', '{"~":[[0,"inf"]],"fact":[1]}']
)
def test_a_body_that_is_no_fact_is_told(body: str) -> None:
    with pytest.raises(Tampered, match="a body is no JobPaused of version 1"):
        Codec().decode("JobPaused", 1, body)


def test_a_body_is_plain_json() -> None:
    assert json.loads(Codec().encode(paused(1))[2]) == {"at": 1001.0, "by": "mia", "job": "job-1"}
