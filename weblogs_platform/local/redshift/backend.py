"""What all sessions of the server share."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from weblogs_platform.local.redshift.config import ServerConfig
from weblogs_platform.local.redshift.database import Database
from weblogs_platform.local.redshift.grants import Grants
from weblogs_platform.local.redshift.locks import LockManager
from weblogs_platform.local.redshift.systables import LoadHistory

VERSION = (
    "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), "
    "Redshift 1.0 (embedded, for development)"
)


@dataclass
class Backend:
    """The database with its locks, load history and privileges."""

    config: ServerConfig
    database: Database
    locks: LockManager
    history: LoadHistory
    grants: Grants
    transaction_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def open(cls, config: ServerConfig) -> Backend:
        """Opens the database file. Raises duckdb.IOException when another process has it."""
        database = Database(
            config.database, config.database_name, memory_limit=config.memory_limit, threads=config.threads
        )
        return cls(config, database, LockManager(), LoadHistory(database), Grants(database))

    def user_id(self, name: str) -> int:
        """A stable number for a user: 100 and up, in the order of the configuration."""
        return 100 + list(self.config.users).index(name)

    def close(self) -> None:
        """Closes the database; the sessions are gone by then."""
        self.database.close()
