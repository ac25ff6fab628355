"""One file that UNLOAD writes: rows go to a temporary file on the database's disk, which is uploaded when it is full."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.datatypes import Oid, WireType
from weblogs_platform.local.redshift.results import Columns
from weblogs_platform.local.redshift.unload.statement import UnloadStatement
from weblogs_platform.local.redshift.unload.values import header_line, line_renderer

_PIECE_BYTES = 1024 * 1024
_PARQUET = {
    Oid.BOOL: pa.bool_(), Oid.INT2: pa.int16(), Oid.INT4: pa.int32(), Oid.INT8: pa.int64(), Oid.FLOAT4: pa.float32(),
    Oid.FLOAT8: pa.float64(), Oid.DATE: pa.date32(), Oid.TIMESTAMP: pa.timestamp("us"),
    Oid.TIMESTAMPTZ: pa.timestamp("us"), Oid.VARCHAR: pa.string(), Oid.SUPER: pa.string(),
}  # fmt: skip


class Part(Protocol):
    """A file under construction; `lines` counts what a manifest counts, its header included."""

    file: IO[bytes]
    lines: int

    def write(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        """Takes rows; returns those that belong into the next file, when this one is full."""
        ...

    def finish(self) -> None:
        """Completes the file's content."""
        ...


def part_maker(statement: UnloadStatement, columns: Columns, folder: Path) -> Callable[[], Part]:
    """What begins files of these columns. Raises RedshiftError for columns that the format does not have."""
    if statement.format == "parquet":
        schema = pa.schema([pa.field(name, _parquet_type(name, kind)) for name, kind in columns])
        return lambda: _ParquetPart(statement, schema, folder)
    render, header = line_renderer(statement, columns), header_line(statement, columns)
    return lambda: _TextPart(statement, render, header, folder)


def _parquet_type(name: str, wire_type: WireType) -> pa.DataType:
    if wire_type.oid == Oid.NUMERIC:
        return pa.decimal128(wire_type.declared.precision or 38, wire_type.declared.scale or 0)
    found = _PARQUET.get(Oid(wire_type.oid))
    if found is None:
        raise RedshiftError(
            "0A000", f"UNLOAD: PARQUET has no type {wire_type.declared.name.upper()} (column {name})"
        )
    return found


def _scratch_file(folder: Path) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder)


class _TextPart:
    def __init__(
        self,
        statement: UnloadStatement,
        render: Callable[[pa.RecordBatch], list[bytes]],
        header: bytes,
        folder: Path,
    ) -> None:
        self.file = _scratch_file(folder)
        self.lines = 0
        self._render = render
        self._limit = statement.max_file_bytes
        codec: Any = {"bzip2": "bz2"}.get(statement.compression, statement.compression)
        # pyarrow's streams close what they write to: the file has to stay open until it is uploaded.
        sink = pa.PythonFile(_KeptOpen(self.file), mode="w")
        self._stream: Any = sink if codec == "none" else pa.CompressedOutputStream(sink, codec)
        self._plain = codec == "none"
        self._written = 0
        if header:
            self._put(header, 1)

    def write(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        waiting: list[bytes] = []
        size = 0
        for number, line in enumerate(self._render(batch)):
            full = self._size + size + len(line) > self._limit and self.lines + len(waiting) > 0
            if full:
                self._put(b"".join(waiting), len(waiting))
                return batch.slice(number)
            waiting.append(line)
            size += len(line)
            if size >= _PIECE_BYTES:
                self._put(b"".join(waiting), len(waiting))
                waiting, size = [], 0
        self._put(b"".join(waiting), len(waiting))
        return None

    @property
    def _size(self) -> int:
        """Bytes in the file; those that a compressor still holds are not counted."""
        return self._written if self._plain else self.file.tell()

    def _put(self, data: bytes, lines: int) -> None:
        self._stream.write(data)
        self._written += len(data)
        self.lines += lines

    def finish(self) -> None:
        self._stream.close()


class _KeptOpen:
    """A file that survives `close` of what writes to it."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self.flush()

    def writable(self) -> bool:
        return True


class _ParquetPart:
    """Row groups of about the wanted size, in Arrow's bytes; Snappy; Parquet version 1.0."""

    def __init__(self, statement: UnloadStatement, schema: pa.Schema, folder: Path) -> None:
        self.file = _scratch_file(folder)
        self.lines = 0
        self._schema = schema
        self._limit = statement.max_file_bytes
        self._row_group_bytes = min(statement.row_group_bytes, self._limit)
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._writer = pq.ParquetWriter(
            pa.PythonFile(_KeptOpen(self.file), mode="w"), schema, version="1.0", compression="snappy"
        )

    def write(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        if self._waiting_bytes >= self._row_group_bytes:
            self._write_row_group()
        if self.file.tell() >= self._limit:
            return batch
        self._waiting.append(_stored(batch, self._schema))
        self._waiting_bytes += batch.nbytes
        self.lines += batch.num_rows
        return None

    def _write_row_group(self) -> None:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting, self._schema)
            self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
            self._waiting, self._waiting_bytes = [], 0

    def finish(self) -> None:
        self._write_row_group()
        self._writer.close()


def _stored(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in the file's types: a TIMESTAMPTZ becomes the timestamp in UTC, SUPER its JSON."""
    columns: list[pa.Array] = []
    for index, field in enumerate(schema):
        column: Any = batch.column(index)
        if isinstance(column, pa.ExtensionArray):
            column = column.storage
        columns.append(column.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
