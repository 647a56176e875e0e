"""A process that appends facts until it is told to stop, or has written so many; prints what is durable.

::

    python -m tests.adapters.stores.journal.writer ADDRESS NAME COUNT
"""

from __future__ import annotations

import sys
import time

from placement.adapters.stores.journal.sql import SqlJournal
from placement.errors import JournalError, Moved
from placement.farm.facts import JobPaused

BATCH = 3


def main(address: str, name: str, count: int) -> None:
    """Append `count` batches, each whole; say each one's name once it is durable."""
    journal = None
    for batch in range(count):
        facts = [JobPaused(at=float(batch), by=name, job=f"{name}-{batch}-{part}") for part in range(BATCH)]
        keys = [fact.job for fact in facts]
        while True:
            try:
                journal = journal or SqlJournal(address, anchor_every=10)
                if journal.find(keys[0]) is None:  # a broken connection does not tell whether the commit was done
                    journal.append(facts, after=journal.last(), keys=keys)
                break
            except Moved:
                continue
            except JournalError:
                time.sleep(0.05)
        sys.stdout.write(f"{name}-{batch}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
