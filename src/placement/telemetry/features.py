"""What a model may learn from: each feature declared once, with its unit and scale, and the arrays made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.telemetry.schema import COLUMNS
from placement.units import Floats

__all__ = ["FEATURES", "Encoder", "Feature"]

Scale = Literal["log", "linear", "category", "flag"]
_SCALES = ("log", "linear", "category", "flag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input of a model.

    Parameters
    ----------
    name
        Column it is read from, or its own name when `product` is given.
    scale
        ``log``: learned as log(1 + value), for sizes and counts; ``linear``; ``category``; ``flag`` (0, 1, missing).
    unit
        Unit of the column; "" for a count.
    product
        Columns whose product it is; a missing factor makes it missing.
    per_node
        It belongs to the node class, not to the task.
    increasing
        More of it never makes a render shorter; the trees are held to it.

    Raises
    ------
    InvalidInput
        The scale is unknown, or a product is not on the log or linear scale.
    """

    name: str
    scale: Scale
    unit: str = ""
    product: tuple[str, ...] = ()
    per_node: bool = False
    increasing: bool = False

    def __post_init__(self) -> None:
        if self.scale not in _SCALES:
            raise InvalidInput(f"feature {self.name!r}: scale {self.scale!r} is not one of {_SCALES}")
        if self.product and self.scale in ("category", "flag"):
            raise InvalidInput(f"feature {self.name!r}: a product cannot have scale {self.scale!r}")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the telemetry columns it is made of."""
        return self.product or (self.name,)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Feature:
        """Read what `to_json` wrote."""
        return cls(**{**data, "product": tuple(data["product"])})


_UNIT = {each.name: each.unit for each in COLUMNS}
_LOG = (
    *("triangles", "triangles_total", "instances", "lights", "texture_count", "texture_size", "volume_density"),
    *("volume_grid_res", "curves", "curve_points", "scene_file_size", "max_depth"),
)
_LINEAR = ("transmissive_fraction", "adaptive_threshold", "camera_distance")
_CATEGORY = ("job_type", "renderer", "renderer_version", "scene_family", "env_light", "volume")
_FLAG = ("subsurface", "motion_blur", "depth_of_field", "denoise", "instanced", "kernel_cache_warm")

#: The features of the standard schema, in order.
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


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """Turn columns into arrays, the same way at training and at scoring.

    Parameters
    ----------
    features
        The features that said anything when the encoder was learnt, numbers and flags first.
    vocabulary
        Category feature -> its known values, sorted.

    Examples
    --------
    >>> rows = pd.DataFrame({"width": [640.0, 1920.0], "height": [360.0, 1080.0], "job_type": ["path", "volume"]})
    >>> encoder = Encoder.fit(rows, FEATURES)
    >>> [feature.name for feature in encoder.features]
    ['pixels', 'job_type']
    >>> encoder.categories(pd.DataFrame({"job_type": ["volume", "unheard of"]})).tolist()
    [[1], [-1]]
    """

    features: tuple[Feature, ...]
    vocabulary: Mapping[str, tuple[str, ...]]

    @classmethod
    def fit(cls, rows: pd.DataFrame, features: Sequence[Feature]) -> Encoder:
        """Keep the features that vary or, for categories, exist, and learn the categories' values."""
        kept, vocabulary = [], {}
        for feature in (each for each in features if each.scale != "category"):
            values = _numbers(rows, feature)
            finite = values[np.isfinite(values)]
            missing = len(finite) < len(values)
            if len(finite) and (missing or (finite != finite[0]).any()):
                kept.append(feature)
        for feature in (each for each in features if each.scale == "category"):
            if feature.name in rows and rows[feature.name].notna().any():
                kept.append(feature)
                vocabulary[feature.name] = tuple(sorted(rows[feature.name].dropna().astype(str).unique()))
        return cls(tuple(kept), vocabulary)

    @property
    def numeric(self) -> tuple[Feature, ...]:
        """Features on the log, linear and flag scales, in column order of `numbers`."""
        return tuple(each for each in self.features if each.scale != "category")

    @property
    def categorical(self) -> tuple[Feature, ...]:
        """Category features, in column order of `categories`."""
        return tuple(each for each in self.features if each.scale == "category")

    def numbers(self, rows: pd.DataFrame) -> Floats:
        """Return numbers on their scales, NaN where missing, shape ``(rows, numeric features)``."""
        out = np.empty((len(rows), len(self.numeric)))
        for position, feature in enumerate(self.numeric):
            out[:, position] = _numbers(rows, feature)
        return out

    def categories(self, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return positions in the vocabulary, -1 where unknown or missing, shape ``(rows, category features)``."""
        out = np.full((len(rows), len(self.categorical)), -1, dtype=np.int64)
        for position, feature in enumerate(self.categorical):
            if feature.name in rows:
                out[:, position] = pd.Index(self.vocabulary[feature.name]).get_indexer(rows[feature.name].astype(object))
        return out

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "features": [each.to_json() for each in self.features],
            "vocabulary": {name: list(values) for name, values in self.vocabulary.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Encoder:
        """Read what `to_json` wrote."""
        features = tuple(Feature.from_json(each) for each in data["features"])
        return cls(features, {name: tuple(values) for name, values in data["vocabulary"].items()})


def _numbers(rows: pd.DataFrame, feature: Feature) -> Floats:
    """Return one numeric feature on its scale, NaN where a column is absent."""
    value = np.ones(len(rows))
    for name in feature.columns:
        if name not in rows:
            return np.full(len(rows), np.nan)
        value = value * rows[name].to_numpy(dtype=float, na_value=np.nan)
    if feature.scale == "log":
        with np.errstate(invalid="ignore"):
            return np.log1p(np.where(value >= 0, value, np.nan))
    return value
