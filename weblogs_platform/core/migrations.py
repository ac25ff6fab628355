"""Migrations: numbered statements that bring tables of an earlier version forward, each applied once.

A file is `NNNN_what_it_does.sql` and holds one statement that Redshift runs inside a transaction. It is never changed
once applied: the warehouse keeps its checksum. One that adds a column is done where the column is there already.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weblogs_platform.core.errors import InvalidDocument

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+")
_ADDS = re.compile(r"ALTER TABLE (\w+)\.(\w+) ADD COLUMN (\w+)\b")
_COMMENT = re.compile(r"^--.*\n", re.MULTILINE)


@dataclass(frozen=True)
class Migration:
    """One file; `name` is that of the file without `.sql`, `text` its statement with its comments."""

    name: str
    text: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidDocument(f"migration {self.name}.sql: its name must be like 0001_what_it_does.sql")

    @property
    def number(self) -> int:
        return int(self.name[:4])

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def added_column(self) -> tuple[str, str, str] | None:
        """Schema, table and column, where the statement adds one."""
        match = _ADDS.match(_COMMENT.sub("", self.text))
        return (match[1], match[2], match[3]) if match else None

    def sql(self) -> str:
        return self.text


@dataclass(frozen=True)
class Applied:
    """What the warehouse recorded of a migration."""

    number: int
    name: str
    checksum: str


def pending(migrations: Sequence[Migration], applied: Iterable[Applied]) -> list[Migration]:
    """Those that the warehouse has not been through, in their order.

    Raises InvalidDocument when a number stands twice, an applied file was changed, or one was applied that is not
    here.
    """
    numbered = {migration.number: migration for migration in migrations}
    if len(numbered) < len(migrations):
        raise InvalidDocument("sql/ddl/migrations has a number twice: give the later file the next free one")
    done = {line.number: line for line in applied}
    for number, line in sorted(done.items()):
        here = numbered.get(number)
        if here is None:
            raise InvalidDocument(
                f"the warehouse has been through migration {line.name}, which this version does not have: "
                "run the version that has it"
            )
        if here.checksum != line.checksum:
            raise InvalidDocument(
                f"sql/ddl/migrations/{here.name}.sql was changed after the warehouse went through it "
                f"(as {line.name}): put the file back as it was, and write a new migration for what is to change"
            )
    return [numbered[number] for number in sorted(numbered.keys() - done.keys())]


@dataclass(frozen=True)
class LockMigrations:
    """Makes whoever else migrates wait. It is the first statement, so that what follows sees a fresh state."""

    def sql(self) -> str:
        return "LOCK shopware_ops.schema_migrations"


@dataclass(frozen=True)
class AppliedMigrations:
    """Number, name and checksum of what was applied."""

    def sql(self) -> str:
        return "SELECT number, name, checksum FROM shopware_ops.schema_migrations ORDER BY number"


@dataclass(frozen=True)
class RecordMigration:
    """Parameters: number, name, checksum."""

    def sql(self) -> str:
        return "INSERT INTO shopware_ops.schema_migrations (number, name, checksum) VALUES (%s, %s, %s)"


@dataclass(frozen=True)
class ColumnThere:
    """A line where the column is there. Parameters: schema, table, column."""

    def sql(self) -> str:
        return (
            "SELECT 1 FROM svv_all_columns WHERE database_name = CURRENT_DATABASE() "
            "AND schema_name = %s AND table_name = %s AND column_name = %s"
        )
