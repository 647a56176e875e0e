"""What clients used beyond their share, between decisions."""

from __future__ import annotations

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.rules import Rules
from placement.scheduling.shares import standing, updated_history
from placement.simulator.whole_farm.farm import Farm
from placement.units import Floats, Seconds

__all__ = ["held_by_clients", "owed"]


def held_by_clients(farm: Farm) -> Floats:
    """Return the worth that clients and the projects under them hold, shape ``(clients,)``."""
    clients, running = farm.world.clients, farm.running
    job = farm.world.steps.job[running.step[: running.count]]
    held: Floats = np.bincount(farm.world.jobs.client[job], running.worth[: running.count], clients.count).astype(float)
    for row in range(clients.count - 1, -1, -1):
        if clients.parent[row] >= 0:
            held[clients.parent[row]] += held[row]
    return held


def owed(seen: FarmSnapshot, held: Floats, now: Seconds, rules: Rules) -> Floats:
    """Return clients' history at `now`, when they held `held` ever since the decision that saw `seen`."""
    return updated_history(seen.clients, held, standing(seen), now - seen.now, rules.half_life)
