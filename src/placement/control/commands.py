"""What users may ask of a farm: each checked against the state, and answered with the facts that it makes."""

from __future__ import annotations

from placement.control.commands_farm import (
    drain,
    give_back,
    register_node,
    remove,
    rules_of,
    set_client,
    set_group,
    set_licence,
    set_policy,
)
from placement.control.commands_jobs import cancel, move_deadline, pause, reprioritise, resume, retry, submit

__all__ = [
    "cancel",
    "drain",
    "give_back",
    "move_deadline",
    "pause",
    "register_node",
    "remove",
    "reprioritise",
    "resume",
    "retry",
    "rules_of",
    "set_client",
    "set_group",
    "set_licence",
    "set_policy",
    "submit",
]
