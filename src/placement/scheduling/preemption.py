"""Which attempts to stop, and what that loses: guarantees that come back, jobs in danger, emergencies."""

from __future__ import annotations

from placement.scheduling.preemption_loss import ends_by, loss, remaining
from placement.scheduling.preemption_reclaim import Known, reclaims
from placement.scheduling.preemption_rescue import Asking, rescues

__all__ = ["Asking", "Known", "ends_by", "loss", "reclaims", "remaining", "rescues"]
