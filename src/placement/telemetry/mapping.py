"""Foreign columns to schema columns by declaration: rename, convert, map values, extract, join, multiply."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.telemetry.canonical import to_numbers, to_text
from placement.telemetry.features import Feature

__all__ = ["Mapping", "Rule", "apply_mapping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one column is made.

    Parameters
    ----------
    target
        Name of the column made.
    sources
        Foreign columns it is made of: one to rename, several to join or multiply, none for a constant.
    how
        ``rename``, ``constant``, ``product`` or ``join``.
    constant
        Value of every row when `how` is ``constant``.
    separator
        Between joined texts.
    pattern
        Regular expression whose first group is the value; no match is missing.
    values
        Text → text, applied after `pattern`; others pass unless `otherwise` is given ("" makes them missing).
    scale
        Factor into the target's unit, 1.0 to leave the values as they are.
    time
        None; ``iso`` for ISO 8601 text, or a `strptime` format: seconds since 1970, UTC unless the text says.
    optional
        The column is made only where all sources are there.
    """

    target: str
    sources: tuple[str, ...] = ()
    how: str = "rename"
    constant: object = None
    separator: str = "/"
    pattern: str | None = None
    values: Dict[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    scale: float = 1.0
    time: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Rules for the columns of one foreign source, and the features it adds to the schema.

    Columns that are in the schema already and that no rule makes or uses come through under their own name.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    features: tuple[Feature, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Foreign columns that must be there, in order of first use."""
        return tuple(dict.fromkeys(name for rule in self.rules if not rule.optional for name in rule.sources))

    @property
    def uses(self) -> frozenset[str]:
        """Foreign columns that some rule reads."""
        return frozenset(name for rule in self.rules for name in rule.sources)

    def lacks(self, names: Sequence[str]) -> list[str]:
        """Return the needed foreign columns that are not among `names`."""
        return [name for name in self.needs if name not in set(names)]

    def makes(self, names: Sequence[str]) -> list[str]:
        """Return the columns it makes of a table with columns `names`."""
        there = set(names)
        return [rule.target for rule in self.rules if not rule.optional or there.issuperset(rule.sources)]

    def sources_of(self, target: str) -> tuple[str, ...]:
        """Return the foreign columns that column `target` is made of."""
        return next((rule.sources for rule in self.rules if rule.target == target), ())


def apply_mapping(frame: pd.DataFrame, mapping: Mapping) -> pd.DataFrame:
    """Return `frame` with the columns that `mapping` makes; values that cannot be converted stay as they are.

    Raises
    ------
    InvalidInput
        A column that a rule needs is not there.

    Examples
    --------
    >>> from placement.units import factor
    >>> rule = Rule(target="run_time", sources=("ms",), scale=factor("ms", "s"))
    >>> apply_mapping(pd.DataFrame({"ms": [1500]}), Mapping(name="mine", rules=(rule,)))["run_time"].tolist()
    [1.5]
    """
    if missing := mapping.lacks(list(map(str, frame))):
        raise InvalidInput(f"mapping {mapping.name!r} needs columns {missing}; there are {sorted(map(str, frame))}")
    makes = set(mapping.makes(list(map(str, frame))))
    made = {rule.target: _made(frame, rule) for rule in mapping.rules if rule.target in makes}
    kept = {str(name): frame[name] for name in frame if name not in mapping.uses and name not in made}
    return pd.DataFrame({**kept, **made}, index=frame.index)


def _made(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    values = _combined(frame, rule)
    if rule.pattern is not None:
        values = to_text(values)[0].str.extract(rule.pattern, expand=True)[0]
    if rule.values or rule.otherwise is not None:
        text = to_text(values)[0]
        mapped = text.map(dict(rule.values))
        rest = text if rule.otherwise is None else text.where(text.isna(), rule.otherwise)
        values = mapped.where(mapped.notna(), rest)
    if rule.time is not None:
        values = _moments(values, rule.time)
    return _scaled(values, rule.scale) if rule.scale != 1.0 else values


def _combined(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    if rule.how == "constant":
        return pd.Series([rule.constant] * len(frame), index=frame.index)
    if rule.how == "product":
        product = np.prod([to_numbers(frame[name])[0] for name in rule.sources], axis=0)
        return pd.Series(product, index=frame.index)
    if rule.how == "join":
        texts = [to_text(frame[name])[0] for name in rule.sources]
        return texts[0].str.cat(pd.concat(texts[1:], axis=1), sep=rule.separator)
    return frame[rule.sources[0]]


def _moments(values: pd.Series, time: str) -> pd.Series:
    """Seconds since 1970; what cannot be read stays, to be pointed out as not a number."""
    text = to_text(values)[0]
    moments = pd.to_datetime(text, format="ISO8601" if time == "iso" else time, utc=True, errors="coerce")
    seconds = pd.Series(to_numbers(moments)[0], index=values.index)
    unread = moments.isna() & text.notna()
    return seconds.astype(object).where(~unread, text) if unread.any() else seconds


def _scaled(values: pd.Series, scale: float) -> pd.Series:
    numbers, wrong = to_numbers(values)
    scaled = pd.Series(numbers * scale, index=values.index)
    return scaled.astype(object).where(~wrong, values) if wrong.any() else scaled
