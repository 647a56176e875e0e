"""Find the data and the model that come with the package, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path

import placement
from placement.errors import InvalidInput

__all__ = ["shipped"]

_TOPS = ("data", "models")
_PACKAGE = Path(placement.__file__).resolve().parent


def shipped(name: str) -> Path:
    """Return where the shipped file or folder `name` lies.

    A wheel carries ``data`` and ``models`` inside the package; a checkout, and an editable install of one, has
    them at its root.

    Parameters
    ----------
    name
        Path below the shipped folders, with ``/``: ``"data/renders"``, ``"models"``.

    Raises
    ------
    InvalidInput
        Nothing of this name is shipped, or the name leaves the shipped folders.

    Examples
    --------
    >>> shipped("../secrets")
    Traceback (most recent call last):
    ...
    placement.errors.InvalidInput: '../secrets' does not start with one of ['data', 'models']
    """
    checkout = _PACKAGE.parents[1]
    return _find(name, [_PACKAGE / "_shipped", *([checkout] if (checkout / "pyproject.toml").is_file() else [])])


def _find(name: str, roots: list[Path]) -> Path:
    if name.split("/")[0] not in _TOPS:
        raise InvalidInput(f"{name!r} does not start with one of {list(_TOPS)}")
    for root in roots:
        found = (root / name).resolve()
        if not any(found.is_relative_to((root / top).resolve()) for top in _TOPS):
            raise InvalidInput(f"{name!r} leads out of the shipped folders {list(_TOPS)}")
        if found.exists():
            return found
    raise InvalidInput(f"nothing shipped under {name!r}; looked in {[str(root) for root in roots]}")
