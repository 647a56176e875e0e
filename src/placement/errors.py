"""The errors this package raises, one small tree.

::

    PlacementError
    ├── InvalidInput         (also a ValueError)   the caller gave something impossible
    ├── Infeasible           (also a LookupError)  no node can ever run this task
    ├── NotFound             (also a LookupError)  the farm has nothing of this name
    ├── Refused              (also a ValueError)   the farm's state does not allow it
    ├── JournalError                               the journal cannot be used as asked
    │   ├── Moved                                  somebody appended in between: look again
    │   ├── Fenced                                 somebody else leads in a later term
    │   ├── Tampered         (also a ValueError)   an entry was changed, removed, added or moved
    │   └── IncompatibleJournal (also a ValueError) written by a later version
    └── ModelError                                 a stored model cannot be used
        ├── CorruptModel     (also a ValueError)   truncated, unreadable or not a model
        ├── TamperedModel    (also a ValueError)   content differs from its recorded hash
        └── IncompatibleModel(also a ValueError)   written for another schema version
"""

from __future__ import annotations

__all__ = [
    "CorruptModel",
    "Fenced",
    "IncompatibleJournal",
    "IncompatibleModel",
    "Infeasible",
    "InvalidInput",
    "JournalError",
    "ModelError",
    "Moved",
    "NotFound",
    "PlacementError",
    "Refused",
    "Tampered",
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


class NotFound(PlacementError, LookupError):
    """The farm has no job, step, task, node, client or group of this name; the message names close ones."""


class Refused(PlacementError, ValueError):
    """The farm's state does not allow this, such as resuming a job that is over; the message says what it is in."""


class JournalError(PlacementError):
    """The journal cannot be used as asked."""


class Moved(JournalError):
    """Somebody else appended in between: read what is new and think again."""


class Fenced(JournalError):
    """Somebody else leads in a later term: this process may not write as leader any more."""


class Tampered(JournalError, ValueError):
    """An entry was changed, removed, added or moved; the message names the first bad one."""


class IncompatibleJournal(JournalError, ValueError):
    """A journal was written by a later version of this package."""
