"""One client's conversation after login: simple and extended query protocol over a session."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weblogs_platform.local.redshift import protocol
from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.datatypes import Oid
from weblogs_platform.local.redshift.dialect.lexer import split_statements
from weblogs_platform.local.redshift.execution import analyse, describe, execute, prepare
from weblogs_platform.local.redshift.parameters import literal
from weblogs_platform.local.redshift.protocol import Body, Disconnected, Wire
from weblogs_platform.local.redshift.results import Columns, Execution
from weblogs_platform.local.redshift.rows import data_rows
from weblogs_platform.local.redshift.session import Prepared, Session

_LOG = logging.getLogger(__name__)
_MAX_PREPARED = 10_000


@dataclass
class Portal:
    """A bound statement. `execution` is there once Execute has begun."""

    prepared: Prepared
    parameters: list[str]
    formats: list[int]
    execution: Execution | None = None
    done: bool = False


class Conversation:
    """Reads messages until the client leaves. An error skips to the next Sync, as the protocol wants."""

    def __init__(self, wire: Wire, session: Session, protocol_version: int = 0) -> None:
        self._wire = wire
        self._protocol_version = protocol_version
        self._session = session
        self._statements: dict[str, Prepared] = {}
        self._portals: dict[str, Portal] = {}
        self._skipping = False
        self._handlers: dict[bytes, Callable[[Body], None]] = {
            b"Q": self._simple_query,
            b"P": self._parse,
            b"B": self._bind,
            b"D": self._describe,
            b"E": self._execute,
            b"C": self._close,
            b"S": self._sync,
            b"H": self._flush,
            b"d": self._ignore,
            b"c": self._ignore,
            b"f": self._ignore,
        }

    def run(self) -> None:
        """Returns when the client says goodbye; raises Disconnected when it is just gone."""
        self._wire.send(protocol.ready(self._status()))
        self._wire.flush()
        while True:
            kind, body = self._wire.read_message()
            if kind == b"X":
                return
            if self._skipping and kind != b"S":
                continue
            self._handle(kind, body)

    def _status(self) -> bytes:
        return b"I" if self._session.implicit else self._session.status.encode()

    def _handle(self, kind: bytes, body: bytes) -> None:
        try:
            self._handlers.get(kind, self._unknown)(Body(body))
        except RedshiftError as error:
            self._refuse(kind, error)
        except (Disconnected, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - a defect: this statement fails, and the session goes on
            _LOG.exception("a statement failed for a reason that nobody foresaw")
            self._refuse(kind, RedshiftError("XX000", f"internal error: {type(error).__name__}"))

    def _refuse(self, kind: bytes, error: RedshiftError) -> None:
        self._error(error)
        if kind in (b"Q", b"S"):
            self._ready()
        else:
            self._skipping = True
            self._wire.flush()

    def _error(self, error: RedshiftError) -> None:
        self._session.fail()
        self._wire.send(protocol.error_response(error))

    def _ready(self) -> None:
        if self._session.status == "I":
            self._portals.clear()  # portals live as long as their transaction
        self._wire.send(protocol.ready(self._status()))
        self._wire.flush()

    # -- simple protocol ----------------------------------------------------------------------------------------

    def _simple_query(self, body: Body) -> None:
        statements = split_statements(body.string())
        if not statements:
            self._wire.send(protocol.message(b"I"))
        for index, sql in enumerate(statements):
            with self._session.statement():
                prepared = prepare(sql)
                execution = execute(self._session, prepared)
                self._send_all(execution)
                if index == len(statements) - 1:
                    self._session.finish_implicit()  # before the client is told that it is complete
            self._complete(execution)
        self._ready()

    def _send_all(self, execution: Execution) -> None:
        if execution.columns is None:
            return
        formats = [0] * len(execution.columns)
        self._send_columns(execution.columns, formats)
        self._send_rows(execution, formats, 0)

    def _send_columns(self, columns: Columns, formats: Sequence[int]) -> None:
        self._wire.send(protocol.row_description(columns, formats, protocol_version=self._protocol_version))

    def _send_rows(self, execution: Execution, formats: Sequence[int], most: int) -> None:
        types = [wire_type for _, wire_type in execution.columns or ()]
        for batch in execution.batches.take(most):
            self._wire.send(b"".join(data_rows(batch, types, formats)))
            self._session.check_cancelled()

    def _complete(self, execution: Execution) -> None:
        for sqlstate, text in execution.notices:
            self._wire.send(protocol.notice_response(sqlstate, text))
        self._wire.send(protocol.command_complete(execution.tag))

    # -- extended protocol --------------------------------------------------------------------------------------

    def _parse(self, body: Body) -> None:
        name, sql = body.string(), body.string()
        oids = [body.int32() for _ in range(body.uint16())]
        if name and name in self._statements:
            raise RedshiftError("42P05", f'prepared statement "{name}" already exists')
        if len(self._statements) >= _MAX_PREPARED:
            raise RedshiftError("53000", "too many prepared statements")
        statements = split_statements(sql)
        if len(statements) > 1:
            raise RedshiftError("42601", "cannot insert multiple commands into a prepared statement")
        prepared = prepare(statements[0] if statements else "", oids)
        analyse(self._session, prepared)
        self._statements[name] = prepared
        self._wire.send(protocol.message(b"1"))

    def _bind(self, body: Body) -> None:
        portal_name, statement_name = body.string(), body.string()
        prepared = self._prepared(statement_name)
        formats = [body.int16() for _ in range(body.uint16())]
        values = [body.value() for _ in range(body.uint16())]
        oids = prepared.parameter_oids
        if len(values) != len(oids):
            raise RedshiftError(
                "08P01", f"bind supplies {len(values)} parameters, the statement needs {len(oids)}"
            )
        codes = _spread(formats, len(values))
        parameters = [literal(value, oid, code) for value, oid, code in zip(values, oids, codes, strict=True)]
        result_formats = [body.int16() for _ in range(body.uint16())]
        if portal_name and portal_name in self._portals:
            raise RedshiftError("42P03", f'cursor "{portal_name}" already exists')
        self._portals[portal_name] = Portal(prepared, parameters, result_formats)
        self._wire.send(protocol.message(b"2"))

    def _describe(self, body: Body) -> None:
        kind, name = body.byte(), body.string()
        if kind == b"S":
            prepared = self._prepared(name)
            known = [oid or Oid.UNKNOWN for oid in prepared.parameter_oids]
            columns = describe(prepared)
            self._wire.send(protocol.parameter_description(known))
            formats: list[int] = []
        else:
            portal = self._portal(name)
            columns, formats = describe(portal.prepared), portal.formats
        if columns is None:
            self._wire.send(protocol.message(b"n"))
        else:
            self._send_columns(columns, _spread(formats, len(columns)))

    def _execute(self, body: Body) -> None:
        portal, most = self._portal(body.string()), max(0, body.int32())
        if portal.prepared.statement is None:
            self._wire.send(protocol.message(b"I"))
            return
        with self._session.statement():
            self._run_portal(portal, most)

    def _run_portal(self, portal: Portal, most: int) -> None:
        if portal.execution is None:
            portal.execution = execute(self._session, portal.prepared, portal.parameters)
        execution = portal.execution
        if execution.columns is not None:
            self._send_rows(execution, _spread(portal.formats, len(execution.columns)), most)
            if most and not execution.batches.exhausted:
                self._wire.send(protocol.message(b"s"))
                return
        self._complete(execution)

    def _close(self, body: Body) -> None:
        kind, name = body.byte(), body.string()
        if kind == b"S":
            self._statements.pop(name, None)
        else:
            self._portals.pop(name, None)
        self._wire.send(protocol.message(b"3"))

    def _sync(self, _: Body) -> None:
        self._skipping = False
        with self._session.statement():
            self._session.finish_implicit()
        self._ready()

    def _flush(self, _: Body) -> None:
        self._wire.flush()

    def _unknown(self, _: Body) -> None:
        raise RedshiftError("08P01", "this type of message is unknown or not supported")

    def _ignore(self, _: Body) -> None:
        """Copy data after a failed COPY FROM STDIN; the protocol says to ignore it."""

    def _prepared(self, name: str) -> Prepared:
        if name not in self._statements:
            raise RedshiftError("26000", f'prepared statement "{name}" does not exist')
        return self._statements[name]

    def _portal(self, name: str) -> Portal:
        if name not in self._portals:
            raise RedshiftError("34000", f'portal "{name}" does not exist')
        return self._portals[name]


def _spread(formats: Sequence[int], count: int) -> list[int]:
    """Format codes for every column: none means text, one means all."""
    if not formats:
        return [0] * count
    if len(formats) == 1:
        return list(formats) * count
    if len(formats) != count:
        raise RedshiftError("08P01", f"{len(formats)} format codes for {count} values")
    return list(formats)
