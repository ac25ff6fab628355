"""`run_copy`: one COPY from S3 into a table, inside the caller's transaction.

Order of things: authorization and access first, then `loading_began`, then file after file: fetched and
decompressed one chunk ahead on a thread, converted beside the transaction, inserted through it. Only values that are
already of the column's type reach the INSERT. An error is always a RedshiftError; what was inserted before it goes
away with the caller's transaction. Memory is bounded by a few chunks of 8 MB, whatever the files' sizes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from weblogs_platform.local.redshift.contract import (
    CopyOutcome,
    CopySession,
    FileLoad,
    RedshiftError,
    S3Credentials,
)
from weblogs_platform.local.redshift.copy.convert import Piece, RowConverter
from weblogs_platform.local.redshift.copy.errors import ErrorLog
from weblogs_platform.local.redshift.copy.jsonpaths import Path, read_jsonpaths
from weblogs_platform.local.redshift.copy.plan import LoadPlan, make_plan
from weblogs_platform.local.redshift.copy.prefetch import Prefetch
from weblogs_platform.local.redshift.copy.screen import Screen, arrow_schema
from weblogs_platform.local.redshift.copy.source import CHUNK_BYTES, S3Source
from weblogs_platform.local.redshift.copy.statement import Compression, CopyStatement
from weblogs_platform.local.redshift.s3 import S3Object

_SOURCE = "copy_rows"


def run_copy(statement: CopyStatement, session: CopySession) -> CopyOutcome:
    """Loads what the statement names. Raises RedshiftError: XX000 when the load or S3 fails, 42xxx for a table or
    columns that do not fit, 57014 when cancelled."""
    table = session.resolve_table(statement.schema, statement.table)
    source = S3Source(
        _credentials(statement, session),
        endpoint=session.s3_endpoint,
        region=statement.region or session.s3_region,
    )
    with closing(source):
        plan = make_plan(statement, table, _jsonpaths(statement, source))
        objects = _objects(statement, source)
        session.lock_for_write(table)
        session.loading_began()
        with closing(session.side_connection()) as side, ThreadPoolExecutor(1, "copy-screen") as worker:
            errors = ErrorLog(session, table.name, statement.max_errors)
            converter = RowConverter(plan, Screen(plan, statement, side), errors, worker)
            return _Load(statement, session, plan, converter, errors).run(source, objects)


def _credentials(statement: CopyStatement, session: CopySession) -> S3Credentials:
    if statement.access_keys is not None:
        return statement.access_keys
    return session.credentials_for_role(statement.iam_role or "default")


def _jsonpaths(statement: CopyStatement, source: S3Source) -> tuple[Path, ...] | None:
    url = statement.jsonpaths_url
    return None if url is None else read_jsonpaths(source.read_small(url), url)


def _objects(statement: CopyStatement, source: S3Source) -> list[S3Object]:
    if statement.manifest:
        return source.manifest_objects(statement.source_url)
    return source.list_prefix(statement.source_url)


@dataclass(frozen=True)
class _Chunk:
    """Decompressed bytes of one object; `last` when none follow."""

    item: S3Object
    data: bytes
    last: bool


def _chunks(source: S3Source, objects: Sequence[S3Object], compression: Compression) -> Iterator[_Chunk]:
    for item in objects:
        waiting: bytes = b""
        for data in source.chunks(item, compression):
            if waiting:
                yield _Chunk(item, waiting, last=False)
            waiting = data
        yield _Chunk(item, waiting, last=True)


class SourceRows:
    """The relation that INSERT reads, with other rows each time. Rows that are registered themselves stay in memory
    until the transaction ends, whatever is unregistered."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows

    @contextmanager
    def holding(self, rows: pa.Table) -> Generator[None]:
        """Gives the rows, within the block."""
        empty, self._rows = self._rows, rows
        try:
            yield
        finally:
            self._rows = empty

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)


class _Load:
    """The state of one running COPY."""

    def __init__(
        self,
        statement: CopyStatement,
        session: CopySession,
        plan: LoadPlan,
        converter: RowConverter,
        errors: ErrorLog,
    ) -> None:
        self._statement = statement
        self._session = session
        self._plan = plan
        self._errors = errors
        self._converter = converter
        self._source = SourceRows(arrow_schema(plan).empty_table())
        self._waiting: pa.Table | None = None  # rows that go in while the next ones are screened
        self._rows = 0
        self._files: list[FileLoad] = []
        self._small: list[Piece] = []  # whole files that are converted together

    def run(self, source: S3Source, objects: Sequence[S3Object]) -> CopyOutcome:
        """Loads the objects, in their order."""
        self._session.connection.register(_SOURCE, self._source)
        try:
            return self._load(source, objects)
        finally:
            with suppress(duckdb.Error):  # a transaction that an error ended takes it along
                self._session.connection.unregister(_SOURCE)

    def _load(self, source: S3Source, objects: Sequence[S3Object]) -> CopyOutcome:
        carried = b""
        lines = 0
        errors = 0
        with Prefetch(_chunks(source, objects, self._statement.compression)) as chunks:
            for chunk in chunks:
                self._session.check_cancelled()
                data = carried + chunk.data if carried else chunk.data
                piece = Piece(chunk.item.url, data, lines, chunk.last)
                carried, lines = self._take(piece)
                if chunk.last:
                    line_count = piece.lines_before + data.count(b"\n")
                    self._files.append(self._file_load(chunk.item, line_count, self._errors.count - errors))
                    carried, lines, errors = b"", 0, self._errors.count
            self._convert_small()
        self._insert_waiting()
        self._errors.flush()
        if not self._statement.no_load:
            self._session.record_files(self._files)
        return CopyOutcome(rows=self._rows, files=len(objects), errors=self._errors.count)

    def _take(self, piece: Piece) -> tuple[bytes, int]:
        """Converts the piece, at once or with others. Returns what the next piece of the file begins with, and the
        line breaks before it."""
        if piece.last and piece.lines_before == 0 and len(piece.data) < CHUNK_BYTES:
            self._small.append(piece)
            if sum(len(small.data) for small in self._small) >= CHUNK_BYTES:
                self._convert_small()
            return b"", 0
        self._convert_small()
        consumed = self._convert([piece])
        return piece.data[consumed:], piece.lines_before + piece.data.count(b"\n", 0, consumed)

    def _convert_small(self) -> None:
        if self._small:
            pieces, self._small = self._small, []
            self._convert(pieces)

    def _convert(self, pieces: Sequence[Piece]) -> int:
        converted = self._converter.convert(pieces, self._insert_waiting)
        if not self._statement.no_load and converted.rows.num_rows:
            self._waiting = converted.rows
        return converted.consumed

    def _insert_waiting(self) -> None:
        if self._waiting is not None:
            rows, self._waiting = self._waiting, None
            self._insert(rows)

    def _insert(self, rows: pa.Table) -> None:
        try:
            with self._source.holding(rows):
                self._session.connection.execute(self._plan.insert_sql.format(source=_SOURCE))
        except duckdb.Error as error:
            raise RedshiftError(
                "XX000", f"COPY could not insert into {self._plan.table.name}: {error}"
            ) from error
        self._rows += rows.num_rows

    def _file_load(self, item: S3Object, lines: int, errors: int) -> FileLoad:
        return FileLoad(item.url, lines, item.size, errors, datetime.now(UTC))
