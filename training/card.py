"""The model card: what a model was trained on, how well it does on what it did not see, what it is not for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from placement.matching import PowerModel
from placement.telemetry.table import Telemetry
from training.target import FittedTarget

__all__ = ["held_out_metrics", "model_card"]

_UNITS = {"run_time": "s", "peak_memory": "MiB"}


def held_out_metrics(fitted: FittedTarget) -> dict[str, float]:
    """Return errors on shots that the search's models did not see, quiet rows only.

    ``median_error`` and ``mean_log_error``: of the cold location, as a share and in log units; ``rows``, ``jobs``:
    how many were judged.
    """
    quiet = fitted.data.weight >= 1.0
    error = (fitted.held_out.location - fitted.data.value)[quiet]
    return {
        "median_error": float(np.median(np.abs(np.expm1(error)))),
        "mean_log_error": float(np.abs(error).mean()),
        "rows": float(len(error)),
        "jobs": float(len(np.unique(fitted.data.job[quiet]))),
    }


def model_card(telemetry: Telemetry, targets: Mapping[str, FittedTarget], power: PowerModel) -> str:
    """Return the card, Markdown."""
    rows = telemetry.rows
    lines = [
        "# Model card",
        "",
        "## Trained on",
        "",
        f"{len(rows)} clean rows of {rows['job_id'].nunique()} jobs, fingerprint `{telemetry.fingerprint[:16]}`.",
        "",
        "```",
        str(telemetry.report),
        "```",
        "",
        "Job types: " + ", ".join(sorted(rows["job_type"].dropna().astype(str).unique())) + ".  ",
        "Node classes: " + ", ".join(sorted(rows["node_class"].dropna().astype(str).unique())) + ".",
        "",
        "## Held-out shots",
        "",
        "No frame of the job seen; the settings were chosen on these shots, so new ones do a little worse.",
        "",
        "| target | median error | mean log error | quiet rows | jobs |",
        "|---|---|---|---|---|",
    ]
    for name, fitted in targets.items():
        found = held_out_metrics(fitted)
        lines.append(
            f"| {name} ({_UNITS.get(name, '')}) | {found['median_error']:.1%} | {found['mean_log_error']:.3f} "
            f"| {found['rows']:.0f} | {found['jobs']:.0f} |"
        )
    lines += ["", "## Settings found", ""]
    lines += [f"- {name}: {fitted.held_out.settings}" for name, fitted in targets.items()]
    lines += [
        "",
        "## Features",
        "",
        ", ".join(
            f"`{each.name}`" + (f" ({each.unit})" if each.unit else "")
            for each in targets["run_time"].model.cold.basis.encoder.features
        )
        + ".",
        "",
        "## Back-off",
        "",
        "How much wider a forecast gets when the node class (2), job type (3) or family (5) is new: "
        + "; ".join(
            f"{name} " + ", ".join(f"{level}: × {value:.2f}" for level, value in _inflation(fitted))
            for name, fitted in targets.items()
        )
        + ".",
        *_power_and_limits(power),
    ]
    return "\n".join(lines)


def _inflation(fitted: FittedTarget) -> list[tuple[int, float]]:
    return sorted(fitted.model.calibration.inflation.items())


def _power_and_limits(power: PowerModel) -> list[str]:
    return [
        "",
        "## Power",
        "",
        "GPU time and watts against power limits are measured on neural-network training (Zeus, NSDI '23), server "
        "watts against load by SPECpower_ssj2008; that renders behave alike, and how a CPU slows under a power limit, "
        f"is modelled. Telemetry measured watts for {len(power.measured)} pairs of job type and node class.",
        "",
        "## Limits",
        "",
        "A forecast for a job type, family or node class not listed above is a back-off and says so in `evidence`. "
        "Effects of nodes much larger than those trained on are extrapolated along the log of their threads.",
        "",
    ]
