"""The telemetry schema: every column of a row, its type, unit, role and bounds, declared once.

One row is one attempt to render one frame on one node. Columns are *identity* (what it was),
*before* (known before the render: the only ones a model may learn from) or *measured* (known after:
targets, censoring and noise, never features).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from placement.errors import InvalidInput
from placement.units import quantity_of

__all__ = [
    "COLUMNS",
    "OPTIONAL",
    "REQUIRED",
    "SCHEMA_VERSION",
    "STATUSES",
    "TARGETS",
    "Column",
    "column",
    "schema_table",
]

SCHEMA_VERSION = 1

Kind = Literal["number", "integer", "text", "category", "flag", "json"]
Role = Literal["identity", "before", "measured"]

#: What an attempt's end may be called. ``timeout``, ``oom`` and ``killed`` are censored lower bounds,
#: ``error`` and ``interrupted`` say nothing about the run time of the frame.
STATUSES = ("ok", "error", "timeout", "oom", "killed", "interrupted")

#: The quantities a model forecasts.
TARGETS = ("run_time", "peak_memory", "mean_power")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of telemetry.

    Parameters
    ----------
    kind
        ``number`` and ``integer`` are stored as float64, ``flag`` as 0/1 float64 (missing allowed),
        ``text`` and ``category`` as strings, ``json`` as a JSON text.
    unit
        Unit of a number, one that `placement.units` knows, or "" for a count or a name.
    low, high
        Inclusive bounds of a possible value, in `unit`; outside them a row is quarantined.
    required
        A row without it is quarantined.
    """

    name: str
    kind: Kind
    role: Role
    about: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    required: bool = False

    def __post_init__(self) -> None:
        if self.unit:
            quantity_of(self.unit)
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidInput(f"column {self.name!r}: low {self.low} is above high {self.high}")


def _identity(name: str, about: str, kind: Kind = "text", *, required: bool = False) -> Column:
    return Column(name=name, kind=kind, role="identity", about=about, required=required)


def _number(name: str, about: str, unit: str = "", *, high: float | None = None, kind: Kind = "number") -> Column:
    return Column(name=name, kind=kind, role="before", about=about, unit=unit, low=0.0, high=high)


def _before(name: str, about: str, kind: Kind, *, required: bool = False) -> Column:
    return Column(name=name, kind=kind, role="before", about=about, required=required)


def _measured(
    name: str, about: str, unit: str = "", *, kind: Kind = "number", low: float | None = 0.0, high: float | None = None
) -> Column:
    return Column(name=name, kind=kind, role="measured", about=about, unit=unit, low=low, high=high)


_MONTH = 31 * 86400.0
_PIB = 1024.0**3

COLUMNS: tuple[Column, ...] = (
    # identity
    _identity("job_id", "the job; frames of one job share a scene and its settings", required=True),
    _identity("frame", "frame number within the job", "integer"),
    _identity("attempt", "which try of this frame, from 0", "integer"),
    _identity("record_id", "unique name of the row, where the source has one"),
    _identity("client", "who pays"),
    _identity("show", "the production"),
    _identity("shot", "the shot; splits never divide one"),
    _identity("node_id", "the machine"),
    _identity("first_frame", "first frame number of the job", "integer"),
    _identity("frames_in_job", "how many frames the job has", "integer"),
    # known before the render
    _before("job_type", "what the run time is keyed by, e.g. the integrator of a renderer", "category", required=True),
    _before("renderer", "family of the job type", "category"),
    _before("renderer_version", "version of the renderer", "category"),
    _before("node_class", "machines that behave alike", "category", required=True),
    _before("scene_family", "what kind of scene it is, where artists say so", "category"),
    _number("width", "image width in pixels", kind="integer", high=1e6),
    _number("height", "image height in pixels", kind="integer", high=1e6),
    _number("spp", "samples per pixel asked for (an upper bound when adaptive)", high=1e8),
    _number("max_depth", "longest light path", high=1e5),
    _number("triangles", "unique triangles", high=1e12),
    _number("triangles_total", "triangles after instancing", high=1e15),
    _number("instances", "instances in the scene", high=1e12),
    _number("lights", "light sources", high=1e9),
    _number("texture_count", "textures", high=1e9),
    _number("texture_size", "all textures in memory", "MiB", high=_PIB),
    _before("env_light", "kind of environment light", "category"),
    _before("volume", "kind of participating medium", "category"),
    _number("volume_density", "mean density of the medium", high=1e9),
    _number("volume_grid_res", "edge length of the medium's grid in cells", high=1e6),
    _number("curves", "hair and fur curves", high=1e12),
    _number("curve_points", "control points of the curves", high=1e13),
    _number("transmissive_fraction", "share of materials that transmit light", "1", high=1.0),
    _before("subsurface", "subsurface scattering is used", "flag"),
    _before("motion_blur", "motion blur is on", "flag"),
    _before("depth_of_field", "depth of field is on", "flag"),
    _before("denoise", "a denoiser runs after the render", "flag"),
    _number("adaptive_threshold", "noise level at which adaptive sampling stops", high=1e6),
    _before("instanced", "the scene is built of instances", "flag"),
    _number("camera_distance", "camera to subject, scene units", high=1e12),
    _number("scene_file_size", "scene file on disk", "MiB", high=_PIB),
    _number("threads", "render threads", kind="integer", high=1e5),
    _number("cores", "cores of the node class given to the attempt", high=1e5),
    _number("node_memory", "memory of the node", "MiB", high=_PIB),
    _before("kernel_cache_warm", "compiled kernels were already cached on the node", "flag"),
    _number("declared_run_time", "the submitter's estimate", "s", high=_MONTH),
    _number("declared_memory", "the submitter's request", "MiB", high=_PIB),
    # measured
    _measured("run_time", "process start to exit", "s", high=_MONTH),
    _measured("start_time", "start of the attempt, seconds since 1970-01-01 UTC", "s"),
    _measured("end_time", "end of the attempt, seconds since 1970-01-01 UTC", "s"),
    _measured("start_up_time", "process start to scene load", "s", high=_MONTH),
    _measured("load_time", "reading and preparing the scene", "s", high=_MONTH),
    _measured("render_time", "rendering proper", "s", high=_MONTH),
    _measured("save_time", "writing the image", "s", high=_MONTH),
    _measured("cpu_user_time", "CPU seconds in user mode", "s"),
    _measured("cpu_system_time", "CPU seconds in the kernel", "s"),
    _measured("peak_memory", "peak resident memory", "MiB", high=_PIB),
    _measured("mean_power", "mean electrical power of the node share", "W", high=1e6),
    _measured("status", f"how the attempt ended, one of {', '.join(STATUSES)}", kind="category"),
    _measured("error_class", "what kind of failure", kind="category"),
    _measured("warning_class", "a warning that makes an apparent success a failure", kind="category"),
    _measured("exit_code", "exit code of the process", kind="integer", low=None),
    _measured("quiet", "nothing else disturbed the measurement", kind="flag"),
    _measured("progress", "JSON list of [seconds since start, fraction done]", kind="json"),
    _measured("checkpoint_fraction", "share of the frame that earlier, interrupted attempts had kept", "1", high=1.0),
)

_BY_NAME = {each.name: each for each in COLUMNS}
REQUIRED = tuple(each.name for each in COLUMNS if each.required)
OPTIONAL = tuple(each.name for each in COLUMNS if not each.required)


def column(name: str) -> Column:
    """Return the declaration of one column.

    Raises
    ------
    InvalidInput
        No such column.

    Examples
    --------
    >>> column("run_time").unit
    's'
    """
    if name not in _BY_NAME:
        raise InvalidInput(f"no column {name!r} in the telemetry schema; have {sorted(_BY_NAME)}")
    return _BY_NAME[name]


def schema_table() -> str:
    """Return the schema as a Markdown table: column, type, unit, role, bounds, meaning."""
    lines = ["| column | type | unit | known | bounds | meaning |", "|---|---|---|---|---|---|"]
    for each in COLUMNS:
        bounds = "" if each.low is None and each.high is None else f"{each.low} … {each.high or ''}".strip()
        must = ", required" if each.required else ""
        lines.append(f"| `{each.name}` | {each.kind}{must} | {each.unit} | {each.role} | {bounds} | {each.about} |")
    return "\n".join(lines) + "\n"
