"""What a model may learn from: each feature declared once, with its unit and scale, and the arrays made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.telemetry.schema import COLUMNS
from placement.units import Floats, Ints

__all__ = ["FEATURES", "Columns", "Encoder", "Feature", "columns_of"]

#: Columns by name; numbers as float64, anything else as objects, missing values as NaN or None.
Columns = Mapping[str, np.ndarray[Any, np.dtype[Any]]]

_MEASURED = frozenset(each.name for each in COLUMNS if each.role == "measured")

Scale = Literal["log", "count", "linear", "category", "flag"]
_SCALES = ("log", "count", "linear", "category", "flag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input of a model.

    Parameters
    ----------
    name
        Column it is read from, or its own name when `product` is given.
    scale
        ``log``: learned as log(value), for sizes that are never 0 (0 counts as missing); ``count``: as
        log(1 + value); ``linear``; ``category``; ``flag`` (0, 1, missing).
    unit
        Unit of the column; "" for a count.
    product
        Columns whose product it is; a missing factor makes it missing.
    per_node
        It belongs to the node class, not to the task.
    increasing
        More of it never makes a render shorter; the trees are held to it.
    work
        It multiplies the work: the product of all such features is what run time is nearly proportional to.

    Raises
    ------
    InvalidInput
        The scale is unknown, a product is not on the log or linear scale, or a column is measured, not known before.
    """

    name: str
    scale: Scale
    unit: str = ""
    product: tuple[str, ...] = ()
    per_node: bool = False
    increasing: bool = False
    work: bool = False

    def __post_init__(self) -> None:
        if self.scale not in _SCALES:
            raise InvalidInput(f"feature {self.name!r}: scale {self.scale!r} is not one of {_SCALES}")
        if self.product and self.scale in ("category", "flag"):
            raise InvalidInput(f"feature {self.name!r}: a product cannot have scale {self.scale!r}")
        leaked = [name for name in self.columns if name in _MEASURED]
        if leaked:
            raise InvalidInput(
                f"feature {self.name!r} is made of {leaked}, known only after the render; expected columns known before"
            )
        if self.work and self.scale != "log":
            raise InvalidInput(f"feature {self.name!r}: work must be on the log scale, not {self.scale!r}")

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


def _of(scale: Scale, *names: str, increasing: tuple[str, ...] = ()) -> tuple[Feature, ...]:
    return tuple(Feature(name=name, scale=scale, unit=_UNIT[name], increasing=name in increasing) for name in names)


#: The features of the standard schema, in order.
FEATURES: tuple[Feature, ...] = (
    Feature(name="pixels", scale="log", product=("width", "height"), increasing=True, work=True),
    Feature(name="spp", scale="log", increasing=True, work=True),
    *_of("log", "max_depth", increasing=("max_depth",)),
    *_of("log", "triangles", "triangles_total", "scene_file_size", increasing=("triangles_total",)),
    *_of("count", "instances", "curves", "curve_points", increasing=("curve_points",)),
    # Not increasing: scenes differ in more than their lights, and held-out errors fall without the constraint.
    *_of("count", "lights"),
    *_of("count", "texture_size", "texture_count"),
    *_of("count", "volume_density", "volume_grid_res"),
    *_of("linear", "transmissive_fraction"),
    *_of("flag", "subsurface"),
    *_of("log", "adaptive_threshold"),
    *_of("flag", "denoise"),
    *_of("log", "camera_distance"),
    *_of("flag", "motion_blur", "depth_of_field"),
    *_of("flag", "instanced"),
    # As they are, too: memory adds up where run time multiplies.
    Feature(name="texture_memory", scale="linear", unit="MiB", product=("texture_size",)),
    Feature(name="scene_memory", scale="linear", unit="MiB", product=("scene_file_size",)),
    Feature(name="curve_memory", scale="linear", product=("curve_points",)),
    Feature(name="instance_memory", scale="linear", product=("instances",)),
    Feature(name="film", scale="linear", product=("width", "height")),
    # A denoiser holds, and works through, every pixel, however many samples made it.
    Feature(name="denoised_film", scale="linear", product=("width", "height", "denoise")),
    *_of("category", "job_type", "renderer", "scene_family", "env_light", "volume"),
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
    ['pixels', 'film', 'job_type']
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
            values = _numbers(columns_of(rows), feature)
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

    def numbers(self, rows: pd.DataFrame | Columns, *, per_node: bool | None = None) -> Floats:
        """Return numbers on their scales, NaN where missing, shape ``(rows, numeric features)``.

        Parameters
        ----------
        per_node
            Only the features of nodes (True) or of tasks (False); all by default.
        """
        columns = columns_of(rows)
        wanted = [each for each in self.numeric if per_node is None or each.per_node is per_node]
        out = np.empty((_length(columns), len(wanted)))
        for position, feature in enumerate(wanted):
            out[:, position] = _numbers(columns, feature)
        return out

    def categories(self, rows: pd.DataFrame | Columns) -> Ints:
        """Return positions in the vocabulary, -1 where unknown or missing, shape ``(rows, category features)``."""
        columns = columns_of(rows)
        out = np.full((_length(columns), len(self.categorical)), -1, dtype=np.int64)
        for position, feature in enumerate(self.categorical):
            if feature.name in columns:
                place = {name: code for code, name in enumerate(self.vocabulary[feature.name])}
                out[:, position] = [place.get(value, -1) for value in columns[feature.name].tolist()]
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


def columns_of(rows: pd.DataFrame | Columns) -> Columns:
    """Return a table as plain arrays, which are far quicker to look at than columns of a frame.

    Examples
    --------
    >>> columns_of(pd.DataFrame({"width": [640]}))["width"].tolist()
    [640.0]
    """
    if not isinstance(rows, pd.DataFrame):
        return rows
    return {"": np.empty(len(rows)), **{str(name): _array(column) for name, column in rows.items()}}


def _array(column: pd.Series) -> np.ndarray[Any, np.dtype[Any]]:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return column.to_numpy(dtype=float)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=float, na_value=np.nan)
    return column.to_numpy(dtype=object)


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _numbers(columns: Columns, feature: Feature) -> Floats:
    """Return one numeric feature on its scale, NaN where a column is absent."""
    value = np.ones(_length(columns))
    for name in feature.columns:
        if name not in columns:
            return np.full(len(value), np.nan)
        column = columns[name]
        value = value * (column if column.dtype == float else pd.to_numeric(column, errors="coerce").astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        if feature.scale == "log":
            return np.log(np.where(value > 0, value, np.nan))
        if feature.scale == "count":
            return np.log1p(np.where(value >= 0, value, np.nan))
    return value
