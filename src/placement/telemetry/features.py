"""What a model may learn from: each feature declared once, with its unit, its scale and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from placement.errors import InvalidInput
from placement.telemetry.schema import COLUMNS
from placement.units import Floats

__all__ = ["FEATURES", "Feature", "FeatureSet"]

Scale = Literal["log", "linear", "category", "flag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input of a model.

    Parameters
    ----------
    name
        Column it is read from, or its own name when `product` is given.
    scale
        ``log``: learned as log1p of the value (sizes and counts); ``linear``; ``category``; ``flag`` (0, 1, missing).
    product
        Names of the columns whose product it is; missing factors make it missing.
    per_node
        It belongs to the node class, not to the task.
    increasing
        More of it never makes a render shorter: the trees are held to it.
    """

    name: str
    scale: Scale
    unit: str = ""
    product: tuple[str, ...] = ()
    per_node: bool = False
    increasing: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the telemetry columns it is made of."""
        return self.product or (self.name,)


_LOG = ("triangles", "triangles_total", "instances", "lights", "texture_count", "texture_size", "volume_density",
        "volume_grid_res", "curves", "curve_points", "scene_file_size", "max_depth")
_LINEAR = ("transmissive_fraction", "adaptive_threshold", "camera_distance")
_CATEGORY = ("job_type", "renderer", "renderer_version", "scene_family", "env_light", "volume")
_FLAG = ("subsurface", "motion_blur", "depth_of_field", "denoise", "instanced", "kernel_cache_warm")
_UNIT = {each.name: each.unit for each in COLUMNS}

#: The features of the shipped models, in order.
FEATURES: tuple[Feature, ...] = (
    Feature(name="pixels", scale="log", product=("width", "height"), increasing=True),
    Feature(name="spp", scale="log", increasing=True),
    Feature(name="pixel_samples", scale="log", product=("width", "height", "spp"), increasing=True),
    *(Feature(name=name, scale="log", unit=_UNIT[name]) for name in _LOG),
    *(Feature(name=name, scale="linear", unit=_UNIT[name]) for name in _LINEAR),
    *(Feature(name=name, scale="category") for name in _CATEGORY),
    *(Feature(name=name, scale="flag") for name in _FLAG),
    Feature(name="threads", scale="log", per_node=True),
    Feature(name="cores", scale="log", per_node=True),
)
