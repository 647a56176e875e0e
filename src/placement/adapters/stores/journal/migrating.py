"""Bring a journal's tables to the latest revision, with the Alembic revisions that lie in ``revisions/versions``."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from placement.adapters.stores.journal.schema import REVISION, VERSION_TABLE
from placement.errors import IncompatibleJournal

__all__ = ["migrate", "revision_of"]

_SCRIPTS = Path(__file__).parent / "revisions"


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the journal in a database; None: it has none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return found


def migrate(connection: Connection) -> None:
    """Upgrade the tables within the connection's transaction.

    Raises
    ------
    IncompatibleJournal
        A later release made the journal.
    """
    # Alembic takes a third of a second to import and is needed once in a journal's life.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    script = ScriptDirectory(str(_SCRIPTS))
    found = revision_of(connection)
    try:
        if found is not None:
            script.get_revision(found)
    except CommandError as unknown:
        raise IncompatibleJournal(
            f"the journal has revision {found!r}, this release knows up to {REVISION!r}: a later release made it"
        ) from unknown
    with EnvironmentContext(
        Config(), script, fn=lambda current, _: script._upgrade_revs(REVISION, current), destination_rev=REVISION
    ) as environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE)
        environment.run_migrations()
