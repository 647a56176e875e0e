"""Facts: everything that happened on a farm, as the journal keeps it; the state of a farm is the fold of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from placement.farm.facts_attempts import (
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    AttemptStopping,
    Decided,
    Outcome,
    ReportRefused,
)
from placement.farm.facts_common import Fact
from placement.farm.facts_farm import (
    BodiesDropped,
    ClientSet,
    Elected,
    LicencesSet,
    NameRedacted,
    PolicySet,
)
from placement.farm.facts_jobs import (
    DeadlineMoved,
    GroupSet,
    JobCancelled,
    JobPaused,
    JobReprioritised,
    JobResumed,
    JobSubmitted,
    TaskFailed,
    TasksRetried,
)
from placement.farm.facts_nodes import (
    NodeDraining,
    NodeLost,
    NodePower,
    NodeQuarantined,
    NodeRegistered,
    NodeRemoved,
    NodeReturned,
    NodeSpec,
)

__all__ = [
    "FACTS",
    "AttemptEnded",
    "AttemptProgressed",
    "AttemptStarted",
    "AttemptStopping",
    "BodiesDropped",
    "ClientSet",
    "DeadlineMoved",
    "Decided",
    "Elected",
    "Fact",
    "GroupSet",
    "JobCancelled",
    "JobPaused",
    "JobReprioritised",
    "JobResumed",
    "JobSubmitted",
    "LicencesSet",
    "NameRedacted",
    "NodeDraining",
    "NodeLost",
    "NodePower",
    "NodeQuarantined",
    "NodeRegistered",
    "NodeRemoved",
    "NodeReturned",
    "NodeSpec",
    "Outcome",
    "PolicySet",
    "ReportRefused",
    "TaskFailed",
    "TasksRetried",
    "model_of",
]

Kind: TypeAlias = type[Fact]

#: Kind -> class; a kind never changes its name, its `version` grows when its fields do.
FACTS: Mapping[str, Kind] = {
    kind.__name__: kind
    for kind in (
        Elected, ClientSet, PolicySet, LicencesSet, GroupSet, JobSubmitted, JobCancelled, JobPaused, JobResumed,
        JobReprioritised, DeadlineMoved, TasksRetried, NodeRegistered, NodeDraining, NodeRemoved, NodeLost,
        NodeReturned, NodeQuarantined, NodePower, Decided, AttemptStarted, AttemptStopping, AttemptProgressed,
        AttemptEnded, TaskFailed, ReportRefused, NameRedacted, BodiesDropped,
    )
}  # fmt: skip


def model_of(kind: str) -> Kind:
    """Return the class of a kind of fact.

    Raises
    ------
    KeyError
        Nobody knows the kind.
    """
    return FACTS[kind]
