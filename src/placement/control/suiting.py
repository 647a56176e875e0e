"""Which nodes could run which steps, as far as what is asked and what is offered tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from placement.farm.facts import NodeSpec
from placement.farm.jobs import Requirements
from placement.farm.machines import Resource
from placement.units import Bools, Floats, MiB

__all__ = ["asks", "largest_memory", "offers", "suits", "unsuited", "with_tags"]

_WORDS = {
    Resource.CORES: ("cores", ""),
    Resource.MEMORY: ("memory", " MiB"),
    Resource.GPUS: ("gpus", ""),
    Resource.GPU_MEMORY: ("gpu_memory", " MiB"),
    Resource.SCRATCH: ("scratch", " MiB"),
}


def asks(needs: Requirements, memory: MiB | None = None) -> tuple[float, float, float, float, float]:
    """Return what a task takes, in the order of `placement.farm.machines.Resource`, with `memory` in MiB if given."""
    return (needs.cores, needs.memory if memory is None else memory, needs.gpus, needs.gpu_memory, needs.scratch)


def offers(spec: NodeSpec) -> tuple[float, float, float, float, float]:
    """Return what a node offers, in the order of `placement.farm.machines.Resource`."""
    return (spec.cores, spec.memory, spec.gpus, spec.gpu_memory, spec.scratch)


def suits(needs: Requirements, spec: NodeSpec) -> bool:
    """Tell whether a node that runs nothing else could run a task.

    Examples
    --------
    >>> suits(Requirements(cores=8, tags=("linux",)), NodeSpec(name="a", node_class="c", cores=8, memory=65536.0))
    False
    """
    return set(needs.tags) <= set(spec.tags) and all(
        asked <= offered for asked, offered in zip(asks(needs), offers(spec), strict=True)
    )


def unsuited(needs: Requirements, specs: Iterable[NodeSpec]) -> str:
    """Return why no node could ever run a task; empty: one could, or there is no node.

    Examples
    --------
    >>> unsuited(Requirements(cores=16), [NodeSpec(name="a", node_class="c", cores=8, memory=65536.0)])
    'it asks for 16 cores, the most that a node has is 8'
    """
    distinct = list({(spec.tags, offers(spec)): spec for spec in specs}.values())
    if not distinct or any(suits(needs, spec) for spec in distinct):
        return ""
    wanted = set(needs.tags)
    tagged = [spec for spec in distinct if wanted <= set(spec.tags)]
    if not tagged:
        missing = sorted(wanted - set().union(*(spec.tags for spec in distinct)))
        return f"it asks for tags {missing or sorted(wanted)}, which no node has" + (" together" if not missing else "")
    most = np.max([offers(spec) for spec in tagged], axis=0)
    for resource, asked in zip(Resource, asks(needs), strict=True):
        if asked > most[resource]:
            word, unit = _WORDS[resource]
            with_these = " with these tags" if wanted else ""
            return (
                f"it asks for {asked:.15g}{unit or ' ' + word}{' of ' + word if unit else ''}, the most that a node"
                f"{with_these} has is {most[resource]:.15g}{unit}"
            )
    return "what it asks for together is more than any one node has"


def largest_memory(needs: Requirements, specs: Iterable[NodeSpec]) -> MiB:
    """Return the memory, MiB, of the largest node that could run a task but for its memory; 0: there is none."""
    asked, tags, most = asks(needs, 0.0), set(needs.tags), 0.0
    for spec in specs:
        fits = all(wants <= has for wants, has in zip(asked, offers(spec), strict=True))
        if spec.memory > most and fits and tags <= set(spec.tags):
            most = spec.memory
    return most


def with_tags(tags: Sequence[tuple[str, ...]], offered: Sequence[frozenset[str]]) -> Bools:
    """Tell which node classes carry all tags that steps ask for, shape ``(steps, classes)``.

    Examples
    --------
    >>> with_tags([(), ("linux",)], [frozenset(), frozenset(["linux"])]).tolist()
    [[True, True], [False, True]]
    """
    rows: dict[tuple[str, ...], int] = {}
    which = np.array([rows.setdefault(each, len(rows)) for each in tags], np.int64)
    table: Floats = np.array([[set(each) <= has for has in offered] for each in rows], float)
    return np.asarray(table.reshape(len(rows), len(offered))[which] > 0)
