"""Names that would do harm when they are shown, opened in a spreadsheet or made into a path."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from placement.units import Bools

__all__ = ["LONGEST_NAME", "hostile_names"]

#: Characters a name may have.
LONGEST_NAME = 200

#: What a hostile name is called → the RE2 pattern that finds it.
_HOSTILE = {
    "text that is not UTF-8": r"[\x{f780}-\x{f7ff}\x{fffd}]",
    "control character": r"[\x00-\x1f\x7f-\x{9f}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{feff}]",
    "path out of its folder": r"(^|[/\\])\.\.([/\\]|$)",
    "absolute path": r"^\s*([/\\~]|[A-Za-z]:[/\\])",
    "spreadsheet formula": r"^\s*[=+\-@]",
}
_ANY = "|".join(f"(?:{pattern})" for pattern in _HOSTILE.values())


def hostile_names(values: pd.Series) -> list[tuple[str, Bools]]:
    """Return which of `values`, strings, are hostile, by what is wrong with them.

    Examples
    --------
    >>> [(what, where.tolist()) for what, where in hostile_names(pd.Series(["shot", "=1+1", "../etc"]))]
    [('path out of its folder', [False, False, True]), ('spreadsheet formula', [False, True, False])]
    """
    codes, unique = pd.factorize(values)
    text = pa.array(unique, type=pa.large_string(), from_pandas=True)
    found = {"longer than 200 characters": pc.greater(pc.utf8_length(text), LONGEST_NAME)}
    if pc.any(pc.match_substring_regex(text, _ANY)).as_py():
        found |= {what: pc.match_substring_regex(text, pattern) for what, pattern in _HOSTILE.items()}
    masks = {what: np.append(np.asarray(hit, dtype=bool), False) for what, hit in found.items()}
    return [(what, mask[codes]) for what, mask in sorted(masks.items()) if mask.any()]
