"""What a statement gives back: a tag, and perhaps columns with a stream of batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.datatypes import WireType, wire_type

Columns = list[tuple[str, WireType]]
BATCH_ROWS = 8192
_MAX_BUFFERED_BYTES = 256 << 20
_VARCHAR = wire_type("VARCHAR")


class Batches:
    """The rows of a result, read from the engine as they are asked for.

    The engine streams one result per connection: before another statement runs there, `detach` takes the rest.
    """

    def __init__(self, source: Iterator[pa.RecordBatch]) -> None:
        self._source: Iterator[pa.RecordBatch] | None = _engine_errors(source)
        self._buffered: list[pa.RecordBatch] = []
        self._lost = False

    def take(self, most_rows: int = 0) -> Iterator[pa.RecordBatch]:
        """Batches of at most so many rows in all (0: every row)."""
        left = most_rows
        while (batch := self._next()) is not None:
            if most_rows and batch.num_rows > left:
                self._buffered.insert(0, batch.slice(left))
                batch = batch.slice(0, left)
            left -= batch.num_rows
            if batch.num_rows:
                yield batch
            if most_rows and left <= 0:
                return

    def _next(self) -> pa.RecordBatch | None:
        if self._buffered:
            return self._buffered.pop(0)
        if self._lost:
            raise RedshiftError(
                "55000", "the cursor's rows were too many to be kept beside another statement"
            )
        return next(self._source, None) if self._source is not None else None

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing left; reads ahead by one batch."""
        if not self._buffered and (batch := self._next()) is not None:
            self._buffered.append(batch)
        return not self._buffered

    def close(self) -> None:
        """Gives up the rest, whoever still holds this object."""
        self._buffered, self._source = [], None

    def detach(self) -> None:
        """Reads the rest into memory, within a bound."""
        size = 0
        for batch in self._source or ():
            size += batch.nbytes
            if size > _MAX_BUFFERED_BYTES:
                self._lost = True
                break
            self._buffered.append(batch)
        self._source = None


def _engine_errors(source: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches; an error of the engine comes through Arrow's reader as OSError, with its text."""
    try:
        yield from source
    except (OSError, pa.ArrowInvalid) as error:
        text = str(error)
        kind = next((kind for prefix, kind in _ERRORS.items() if text.startswith(prefix)), duckdb.Error)
        raise kind(text) from error


_ERRORS: dict[str, type[duckdb.Error]] = {
    "Conversion Error": duckdb.ConversionException,
    "Out of Range Error": duckdb.OutOfRangeException,
    "INTERRUPT Error": duckdb.InterruptException,
}


@dataclass
class Execution:
    """The outcome of one statement. `notices` are (SQLSTATE, text)."""

    tag: str
    columns: Columns | None = None
    batches: Batches = field(default_factory=lambda: Batches(iter(())))
    notices: list[tuple[str, str]] = field(default_factory=list)


def relation_columns(relation: duckdb.DuckDBPyRelation) -> Columns:
    """Names and wire types of a query's result. Raises RedshiftError 0A000 for a type the wire lacks."""
    return [(name, wire_type(str(kind))) for name, kind in zip(relation.columns, relation.types, strict=True)]


def query_execution(relation: duckdb.DuckDBPyRelation, described: Columns | None) -> Execution:
    """Starts a query; its rows are read later. What was described to the client wins over the actual types."""
    columns = described or relation_columns(relation)
    if len(columns) != len(relation.columns):
        raise RedshiftError("0A000", "cached plan must not change result type")
    reader = relation.to_arrow_reader(BATCH_ROWS)
    return Execution("SELECT", columns, Batches(iter(reader)))


def text_columns(*names: str) -> Columns:
    """Columns of plain text."""
    return [(name, _VARCHAR) for name in names]


def text_execution(tag: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Execution:
    """A small result of texts (SHOW, EXPLAIN)."""
    arrays = [pa.array([row[index] for row in rows], pa.string()) for index in range(len(names))]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(names))
    return Execution(tag, text_columns(*names), Batches(iter([batch])))
