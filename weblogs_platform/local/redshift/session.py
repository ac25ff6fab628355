"""One client's session: its transaction, locks, settings and the statements it runs.

The DuckDB transaction begins only when a statement has its locks, so that what a waiter reads afterwards is what the
holder committed. A statement that fails ends the DuckDB transaction at once; the client's block stays failed (25P02)
until it rolls back. Used by one thread at a time, except for `cancel`, `watch` and their fields.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

import duckdb

from weblogs_platform.local.redshift.backend import VERSION, Backend
from weblogs_platform.local.redshift.catalog import Catalog
from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.dialect.statements import Statement
from weblogs_platform.local.redshift.dialect.translate import Relation, fill, string_literal
from weblogs_platform.local.redshift.external.history import OpenScans
from weblogs_platform.local.redshift.failures import translated
from weblogs_platform.local.redshift.locks import Holder, Mode
from weblogs_platform.local.redshift.planning import Plan
from weblogs_platform.local.redshift.results import Batches, Columns
from weblogs_platform.local.redshift.settings import Settings
from weblogs_platform.local.redshift.systables import QueryContext, utc_now

Status = Literal["I", "T", "E"]


@dataclass
class Prepared:
    """A parsed statement; `statement` is None for an empty one. `columns` is what was described to the client."""

    statement: Statement | None
    parameter_oids: tuple[int, ...] = ()
    plan: Plan | None = None
    columns: Columns | None = None


@dataclass
class CopyState:
    """What pg_last_copy_id() and pg_last_copy_count() say; the id goes back when the transaction does."""

    last_id: int = -1
    last_count: int = 0
    id_before_transaction: int = -1


@dataclass
class QueryState:
    """What pg_last_query_id() and pg_last_unload_count() say, whatever became of the transaction."""

    last_id: int = -1
    last_unload_count: int = 0


@dataclass
class _Control:
    """Cancellation, shared with the watchdog and with cancel requests."""

    mutex: threading.Lock = field(default_factory=threading.Lock)
    active: bool = False
    reason: RedshiftError | None = None
    deadline: float | None = None


class Session:
    """See the module's docstring."""

    def __init__(self, backend: Backend, user: str, process_id: int) -> None:
        self.backend = backend
        self.user = user
        self.read_only = backend.config.users[user].read_only
        self.grants = backend.grants
        self.process_id = process_id
        self.settings = Settings()
        self.raw_connection = backend.database.cursor()
        self.catalog = Catalog(self.raw_connection, backend.database.name)
        self.copy_state = CopyState()
        self.query_state = QueryState()
        self.scans = OpenScans(backend.history)
        self.transaction_id = 0
        self.statement_time = utc_now()
        self.status: Status = "I"
        self.implicit = False
        self._transaction_time = self.statement_time
        self._engine_open = False
        self._changes_catalog = False
        self._local_changes = 0
        self._settings_before = self.settings.copy()
        self._holder = Holder(f"{user}[{process_id}]")
        self._control = _Control()
        self._open_batches: Batches | None = None
        self._catalog_version: tuple[int, int] = (-1, -1)

    # -- statements ---------------------------------------------------------------------------------------------

    @contextmanager
    def statement(self) -> Iterator[None]:
        """Around everything a statement does, sending its rows included: time limit, cancellation, failure."""
        self._start_statement()
        try:
            yield
        except duckdb.Error as error:
            cause = self._control.reason or self.scans.failure or translated(error)
            self.fail()
            self.scans.write()
            raise cause from error
        except RedshiftError:
            self.fail()
            self.scans.write()
            raise
        finally:
            self.scans.write_ended()
            with self._control.mutex:
                self._control.active = False
                self._control.reason = None

    def _start_statement(self) -> None:
        limit = self.settings.statement_timeout_secs
        self.statement_time = utc_now()
        with self._control.mutex:
            self._control.active = True
            self._control.reason = None
            self._control.deadline = time.monotonic() + limit if limit else None

    def cancel(self, reason: RedshiftError) -> None:
        """Ends the running statement with this error; nothing happens when none runs. Any thread."""
        with self._control.mutex:
            if not self._control.active:
                return
            self._control.reason = self._control.reason or reason
            self.raw_connection.interrupt()
        self.backend.locks.wake()

    def watch(self, gone: Callable[[], bool]) -> None:
        """Called again and again by the watchdog: enforces the time limit, and that somebody still listens."""
        control = self._control
        if not control.active:
            return
        if control.reason is not None:
            self.cancel(control.reason)  # the interrupt may have come just before the engine started
        elif control.deadline is not None and time.monotonic() > control.deadline:
            self.cancel(RedshiftError("57014", "Query cancelled on statement timeout"))
        elif gone():
            self.cancel(RedshiftError("57014", "the client is gone"))

    def check_cancelled(self) -> None:
        """Raises the reason when the running statement has been cancelled."""
        control = self._control
        if control.reason is not None:
            raise control.reason
        if control.deadline is not None and time.monotonic() > control.deadline:
            raise RedshiftError("57014", "Query cancelled on statement timeout")

    # -- transactions -------------------------------------------------------------------------------------------

    def require_transaction(self) -> None:
        """Opens an implicit transaction when none is open. Raises RedshiftError 25P02 in a failed one."""
        if self.status == "E":
            raise RedshiftError(
                "25P02", "current transaction is aborted, commands ignored until end of transaction block"
            )
        if self.status == "I":
            self._open_transaction()
            self.implicit = True

    def begin(self) -> bool:
        """BEGIN; False when a block was open already."""
        if self.status != "I" and not self.implicit:
            return False
        if self.status == "I":
            self._open_transaction()
        self.implicit = False
        return True

    def _open_transaction(self) -> None:
        self.status = "T"
        self.transaction_id = next(self.backend.transaction_ids)
        self.copy_state.id_before_transaction = self.copy_state.last_id
        self._transaction_time = utc_now()
        self._settings_before = self.settings.copy()

    def commit(self) -> None:
        """Commits; what it raises has rolled back."""
        self.detach_results()
        try:
            if self._engine_open:
                self.raw_connection.execute("COMMIT")
        except duckdb.Error as error:
            self.rollback()
            raise translated(error) from error
        self._engine_open = False
        if self._changes_catalog:
            self.backend.database.catalog_changed()
        self._end_transaction()

    def rollback(self) -> None:
        """Rolls back and releases the locks; always succeeds."""
        self._undo()
        self._end_transaction()

    def _undo(self) -> None:
        if self._open_batches is not None:
            self._open_batches.close()  # the engine cannot roll back below an open result
            self._open_batches = None
        if self._engine_open:
            self._engine_open = False
            self._roll_engine_back()
        if self._changes_catalog:
            self.catalog.forget()
        self.copy_state.last_id = self.copy_state.id_before_transaction
        if self.settings.copy() != self._settings_before:
            self.settings.restore(self._settings_before)
            self.apply_timezone()

    def _roll_engine_back(self) -> None:
        """Twice: a late interrupt may end the first attempt. When nothing is open any more, both fail."""
        for _ in range(2):
            with suppress(duckdb.Error):
                self.raw_connection.execute("ROLLBACK")

    def _end_transaction(self) -> None:
        self.status, self.implicit = "I", False
        self._changes_catalog = False
        self._settings_before = self.settings.copy()
        self.backend.locks.release_all(self._holder)

    def fail(self) -> None:
        """A statement failed: undo everything; inside a block the client still has to roll back."""
        if self.status != "T":
            return
        self._undo()
        if self.implicit:
            self._end_transaction()
        else:
            self._changes_catalog = False
            self.backend.locks.release_all(self._holder)
            self.status = "E"

    def finish_implicit(self) -> None:
        """At Sync, or at the end of a simple query: commits what ran outside of a block."""
        if self.implicit:
            self.commit()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection with its transaction begun; locks have to be taken before."""
        self.detach_results()
        if not self._engine_open:
            self.raw_connection.execute("BEGIN TRANSACTION")
            self._engine_open = True
        return self.raw_connection

    def lock(self, key: str | None, mode: Mode) -> None:
        """Waits for a lock that is held to the end of the transaction; None is nothing to lock."""
        if key is not None:
            self.backend.locks.acquire(self._holder, key, mode, self.check_cancelled)

    def catalog_changes(self) -> None:
        """The running statement changed the catalog: forget what was looked up, tell others on commit."""
        self._changes_catalog = True
        self._local_changes += 1
        self.catalog.forget()

    def keep_results(self, batches: Batches) -> None:
        """Remembers the stream that the next statement must not destroy."""
        self._open_batches = batches

    def detach_results(self) -> None:
        """Lets another statement use the connection."""
        if self._open_batches is not None:
            batches, self._open_batches = self._open_batches, None
            batches.detach()

    def new_query(self) -> QueryContext:
        """Numbers the running statement, which then is what pg_last_query_id() says, for its rows of history."""
        self.query_state.last_id = self.backend.history.next_query_id()
        return QueryContext(
            self.backend.user_id(self.user),
            self.query_state.last_id,
            self.transaction_id,
            self.process_id,
            self.backend.database.name,
            self.statement_time,
        )

    # -- names and values ---------------------------------------------------------------------------------------

    @property
    def catalog_version(self) -> tuple[int, int]:
        """Changes when names may mean something else to this session."""
        version = (self.backend.database.epoch, self._local_changes)
        if version != self._catalog_version:
            self._catalog_version = version
            self.catalog.forget()
        return version

    @property
    def search_path(self) -> list[str]:
        """Schemas in which unqualified names are looked up."""
        return self.settings.search_path(self.user)

    def relation(self, schema: str | None, name: str) -> Relation:
        """The relation as the search path finds it. Raises RedshiftError 42P01."""
        _ = self.catalog_version
        return self.catalog.relation(schema, name, self.search_path)

    def creation_schema(self, schema: str | None) -> str:
        """The schema in which an object of this name is created. Raises RedshiftError 3F000."""
        candidates = [schema] if schema is not None else self.search_path
        for candidate in candidates:
            if self.catalog.schema_exists(candidate):
                if self.catalog.is_external(candidate):
                    raise RedshiftError(
                        "0A000", "Operations on local objects in external schema are not enabled."
                    )
                return candidate
        raise RedshiftError(
            "3F000", f'schema "{schema}" does not exist' if schema else "no schema to create in"
        )

    def sql(self, template: str, parameters: Sequence[str] = ()) -> str:
        """A template with parameters (literals) and this session's values filled in."""

        def parameter(number: int) -> str:
            if not 1 <= number <= len(parameters):
                raise RedshiftError("42P02", f"there is no parameter ${number}")
            return parameters[number - 1]

        return fill(template, parameter, self._value)

    def _value(self, name: str) -> str:
        values: dict[str, Callable[[], str]] = {
            "getdate": lambda: f"CAST('{self.statement_time.replace(microsecond=0)}' AS TIMESTAMP)",
            "sysdate": lambda: f"CAST('{self._transaction_time}' AS TIMESTAMP)",
            "current_user": lambda: string_literal(self.user),
            "current_database": lambda: string_literal(self.backend.database.name),
            "current_schema": lambda: string_literal(next(iter(self._existing_path()), "")),
            "version": lambda: string_literal(VERSION),
            "pg_backend_pid": lambda: f"CAST({self.process_id} AS INTEGER)",
            "pg_last_copy_id": lambda: f"CAST({self.copy_state.last_id} AS INTEGER)",
            "pg_last_query_id": lambda: f"CAST({self.query_state.last_id} AS INTEGER)",
            "pg_last_unload_count": lambda: f"CAST({self.query_state.last_unload_count} AS BIGINT)",
            "pg_last_copy_count": lambda: f"CAST({self.copy_state.last_count} AS BIGINT)",
        }
        return values[name]()

    def _existing_path(self) -> list[str]:
        return [schema for schema in self.search_path if self.catalog.schema_exists(schema)]

    def apply_timezone(self) -> None:
        """Hands the timezone setting to the engine."""
        self.raw_connection.execute(f"SET TimeZone = {string_literal(self.settings.get('timezone'))}")

    def close(self) -> None:
        """Rolls back, releases the locks, forgets temporary tables."""
        self.rollback()
        self.raw_connection.close()
