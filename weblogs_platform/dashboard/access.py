"""What the dashboards' user may do in the warehouse: read tables of the platform, now and later, and no more.

Which ones is the deployment's choice (`dashboard.reads`): the KPI tables, or everything. What an earlier choice granted
beyond the present one is revoked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weblogs_platform.core.statements import quoted_name

if TYPE_CHECKING:
    from weblogs_platform.clients.warehouse import Warehouse

KPIS = "shopware_kpis"
SCHEMAS = ("shopware_stream", "shopware_processed", KPIS, "shopware_ops")
_OBJECTS = ("schema", "tables", "later tables")


def readable(reads: str) -> tuple[str, ...]:
    """The schemas that the user may read with this `dashboard.reads`, `kpis` or `everything`."""
    return (KPIS,) if reads == "kpis" else SCHEMAS


@dataclass(frozen=True)
class Reading:
    """One GRANT on a schema, or its REVOKE: to use it, to read its tables, or to read those that are made later."""

    schema: str
    user: str
    what: str
    granted: bool

    def sql(self) -> str:
        """The statement; the user's name is quoted, the schema's is one of ours."""
        user = quoted_name(self.user)
        verb, to = ("GRANT", "TO") if self.granted else ("REVOKE", "FROM")
        if self.what == "schema":
            return f"{verb} USAGE ON SCHEMA {self.schema} {to} {user}"
        if self.what == "tables":
            return f"{verb} SELECT ON ALL TABLES IN SCHEMA {self.schema} {to} {user}"
        return f"ALTER DEFAULT PRIVILEGES IN SCHEMA {self.schema} {verb} SELECT ON TABLES {to} {user}"


def set_reading(warehouse: Warehouse, user: str, reads: str) -> list[str]:
    """Lets `user` read what `reads` says, and nothing else of the platform; to be run by the owner of the tables, as
    often as you like. A line for each schema.

    Raises StatementRefused when there is no such user: CREATE USER is the administrator's.
    """
    allowed = readable(reads)
    with warehouse.transaction() as tx:
        for schema in SCHEMAS:
            for what in _OBJECTS:
                tx.execute(Reading(schema, user, what, granted=schema in allowed))
    return [f"{schema}: {user} {'may' if schema in allowed else 'may not'} read" for schema in SCHEMAS]
