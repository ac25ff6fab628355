"""Who may read what: GRANT and REVOKE, kept in the database and held against read-only users.

Users without the read-only flag are administrators here: every privilege is theirs and grants to them are recorded
only. Privileges on a table go with its id, so that a dropped and re-created table starts without any.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.database import INTERNAL_SCHEMA, Database
from weblogs_platform.local.redshift.dialect.translate import Relation, quoted

PUBLIC = "public"


class Grants:
    """The table of grants. Changes run in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._table = f"{quoted(database.name)}.{INTERNAL_SCHEMA}.grants"

    def record(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        revoke: bool,
        privileges: Iterable[str],
        grantees: Iterable[str],
        scope: str,
        schema: str,
        table_id: int | None,
    ) -> None:
        """Adds or removes privileges on one object; REVOKE ALL removes every privilege on it."""
        for grantee in grantees:
            for privilege in privileges:
                row = [grantee, privilege, scope, schema, table_id]
                same = "grantee = ? AND (? IN (privilege, 'all')) AND scope = ? AND schema_name = ?"
                if not revoke:
                    same = same.replace("(? IN (privilege, 'all'))", "privilege = ?")
                connection.execute(
                    f"DELETE FROM {self._table} WHERE {same} AND table_id IS NOT DISTINCT FROM ?", row
                )
                if not revoke:
                    connection.execute(f"INSERT INTO {self._table} VALUES (?, ?, ?, ?, ?)", row)

    def apply_defaults(self, connection: duckdb.DuckDBPyConnection, schema: str, table_id: int) -> None:
        """Gives a new table what ALTER DEFAULT PRIVILEGES says for its schema."""
        connection.execute(
            f"INSERT INTO {self._table} SELECT grantee, privilege, 'table', schema_name, CAST(? AS BIGINT) "
            f"FROM {self._table} WHERE scope = 'default_tables' AND schema_name = ?",
            [table_id, schema],
        )

    def check_select(self, connection: duckdb.DuckDBPyConnection, user: str, relation: Relation) -> None:
        """Raises RedshiftError 42501 unless the user may use the schema and read the relation."""
        self.check_usage(connection, user, relation.schema)
        table_id = relation.table.table_id if relation.table else None
        if not self._has(connection, user, "select", "table", relation.schema, table_id):
            raise RedshiftError("42501", f"permission denied for relation {relation.name}")

    def check_usage(self, connection: duckdb.DuckDBPyConnection, user: str, schema: str) -> None:
        """Raises RedshiftError 42501 unless the user may use the schema; external tables need nothing else."""
        usable = schema == "public"  # everyone may use it, as in PostgreSQL
        if not usable and not self._has(connection, user, "usage", "schema", schema, None):
            raise RedshiftError("42501", f"permission denied for schema {schema}")

    def _has(
        self,
        connection: duckdb.DuckDBPyConnection,
        user: str,
        privilege: str,
        scope: str,
        schema: str,
        table_id: int | None,
    ) -> bool:
        row = connection.execute(
            f"SELECT 1 FROM {self._table} WHERE grantee IN (?, ?) AND privilege IN (?, 'all') AND scope = ? "
            "AND schema_name = ? AND table_id IS NOT DISTINCT FROM ? LIMIT 1",
            [user, PUBLIC, privilege, scope, schema, table_id],
        ).fetchone()
        return row is not None
