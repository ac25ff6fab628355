"""What the dashboards' user may do in the warehouse: read every table of the platform, now and later, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from weblogs_platform.clients.warehouse import Warehouse

SCHEMAS = ("shopware_stream", "shopware_processed", "shopware_kpis", "shopware_ops")


@dataclass(frozen=True)
class GrantReading:
    """One GRANT on a schema: to use it, to read its tables, or to read those that are made later."""

    schema: str
    user: str
    what: Literal["schema", "tables", "later tables"]

    def sql(self) -> str:
        """The statement; the user's name is quoted, the schema's is one of ours."""
        user = '"' + self.user.replace('"', '""') + '"'
        if self.what == "schema":
            return f"GRANT USAGE ON SCHEMA {self.schema} TO {user}"
        if self.what == "tables":
            return f"GRANT SELECT ON ALL TABLES IN SCHEMA {self.schema} TO {user}"
        return f"ALTER DEFAULT PRIVILEGES IN SCHEMA {self.schema} GRANT SELECT ON TABLES TO {user}"


def grant_reading(warehouse: Warehouse, user: str) -> list[str]:
    """Lets `user` read; to be run by the owner of the tables, as often as you like. A line for each schema.

    Raises StatementRefused when there is no such user: CREATE USER is the administrator's.
    """
    with warehouse.transaction() as tx:
        for schema in SCHEMAS:
            tx.execute(GrantReading(schema, user, "schema"))
            tx.execute(GrantReading(schema, user, "tables"))
            tx.execute(GrantReading(schema, user, "later tables"))
    return [f"{schema}: {user} may read" for schema in SCHEMAS]
