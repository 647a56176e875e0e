"""The errors this package raises, one small tree.

::

    PlacementError
    ├── InvalidInput         (also a ValueError)   the caller gave something impossible
    ├── Infeasible           (also a LookupError)  no node can ever run this task
    └── ModelError                                 a stored model cannot be used
        ├── CorruptModel     (also a ValueError)   truncated, unreadable or not a model
        ├── TamperedModel    (also a ValueError)   content differs from its recorded hash
        └── IncompatibleModel(also a ValueError)   written for another schema version
"""

from __future__ import annotations

__all__ = [
    "CorruptModel",
    "IncompatibleModel",
    "Infeasible",
    "InvalidInput",
    "ModelError",
    "PlacementError",
    "TamperedModel",
]


class PlacementError(Exception):
    """Anything this package raises on purpose."""


class InvalidInput(PlacementError, ValueError):
    """The caller gave something impossible; the message names value, unit, expectation and place."""


class Infeasible(PlacementError, LookupError):
    """No node can ever run this task; the message says what ruled each class out."""


class ModelError(PlacementError):
    """A stored model cannot be used."""


class CorruptModel(ModelError, ValueError):
    """A model file is truncated, unreadable or not a model at all."""


class TamperedModel(ModelError, ValueError):
    """A model file's content differs from the hash recorded when it was written."""


class IncompatibleModel(ModelError, ValueError):
    """A model was written for another schema version."""
