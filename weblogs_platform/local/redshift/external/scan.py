"""One reference of a query to an external table, as a dataset that DuckDB scans.

DuckDB asks it for the columns and the filter that it needs, whatever subquery or join they come from. Partitions
that the filter excludes are not even listed; files are opened a few ahead of the one that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from weblogs_platform.local.redshift.contract import ColumnInfo, RedshiftError
from weblogs_platform.local.redshift.external.files import DataFile, delta_files, parquet_files
from weblogs_platform.local.redshift.external.metadata import ExternalTable, Partition
from weblogs_platform.local.redshift.external.parquet import ParquetFile, table_schema
from weblogs_platform.local.redshift.external.pruning import qualified
from weblogs_platform.local.redshift.external.reading import ObjectReader, ReadCounts
from weblogs_platform.local.redshift.external.types import typed_value
from weblogs_platform.local.redshift.s3 import S3Client
from weblogs_platform.local.redshift.systables import utc_now

_PATH, _SIZE = "$path", "$size"
PSEUDO_COLUMNS = (ColumnInfo(_PATH, "character varying", 1024), ColumnInfo(_SIZE, "bigint"))
_OPENED_AHEAD = 4


@dataclass
class ScanReport:
    """What one scan did, for the history; `failure` is the error that ended it."""

    table: ExternalTable
    started: datetime = field(default_factory=utc_now)
    ended: datetime | None = None
    total_partitions: int = 0
    qualified_partitions: int = 0
    counts: ReadCounts = field(default_factory=ReadCounts)
    failure: RedshiftError | None = None


class ExternalScan(ds.Dataset):
    """See the module's docstring. `partitions` are all of the table's; `connect` opens an S3 client."""

    def __init__(  # Arrow's own constructor refuses to make any
        self,
        table: ExternalTable,
        partitions: Sequence[Partition],
        connect: Callable[[], S3Client],
        check_cancelled: Callable[[], None],
        *,
        pseudo_columns: bool,
    ) -> None:
        self._table = table
        self._partitions = partitions
        self._connect = connect
        self._check_cancelled = check_cancelled
        self._columns = table.all_columns + (PSEUDO_COLUMNS if pseudo_columns else ())
        self._schema = table_schema(self._columns)
        self.reports: list[ScanReport] = []

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table, and the pseudo columns when the query names one."""
        return self._schema

    def scanner(self, columns: Any = None, filter: Any = None, **_: Any) -> ds.Scanner:  # noqa: A002 - Arrow's name
        """What DuckDB calls once for each pass over the table."""
        report = ScanReport(self._table)
        self.reports.append(report)
        wanted = [column for column in self._columns if columns is None or column.name in columns]
        shown = table_schema(wanted if columns is None else _in_order(wanted, columns))
        batches = self._batches(report, shown, filter)
        return ds.Scanner.from_batches(batches, schema=shown)

    def _batches(self, report: ScanReport, shown: pa.Schema, filter_: Any) -> Iterator[pa.RecordBatch]:
        try:
            client = self._connect()
            try:
                yield from self._read(report, ObjectReader(client), shown, filter_)
            finally:
                client.close()
        except RedshiftError as error:
            report.failure = error
            raise OSError(error.message) from error
        finally:
            report.ended = utc_now()

    def _read(
        self, report: ScanReport, reader: ObjectReader, shown: pa.Schema, filter_: Any
    ) -> Iterator[pa.RecordBatch]:
        report.counts = reader.counts
        needed = [column for column in self._columns if column.name in shown.names or _names(filter_, column)]
        schema = table_schema(needed)
        for file, data in self._opened(reader, self._files(report, reader, filter_), needed):
            for batch in file.batches(self._constants(data), schema):
                self._check_cancelled()
                reader.counts.scanned_rows += batch.num_rows
                yield from _filtered(batch, shown, filter_, reader.counts)
            file.close()

    def _files(self, report: ScanReport, reader: ObjectReader, filter_: Any) -> list[DataFile]:
        table = self._table
        partitions = self._partitions if table.partitions else [Partition((), table.location)]
        left = qualified(partitions, table.partitions, self._schema, filter_)
        report.total_partitions = len(partitions) if table.partitions else 0
        report.qualified_partitions = len(left) if table.partitions else 0
        find = delta_files if table.storage == "symlink" else parquet_files
        return find(reader, table.location, left)

    def _opened(
        self, reader: ObjectReader, files: Sequence[DataFile], needed: Sequence[ColumnInfo]
    ) -> Iterator[tuple[ParquetFile, DataFile]]:
        """The files in their order, a few of them opened beforehand."""
        names = {column.name for column in self._table.columns}
        wanted = [column for column in needed if column.name in names]
        waiting: list[tuple[Future[ParquetFile], DataFile]] = []
        left = iter(files)
        with ThreadPoolExecutor(_OPENED_AHEAD, "external-scan") as pool:
            try:
                while True:
                    while len(waiting) < _OPENED_AHEAD and (data := next(left, None)) is not None:
                        waiting.append((pool.submit(ParquetFile, reader, data.item, wanted), data))
                    if not waiting:
                        return
                    opened, data = waiting.pop(0)
                    yield opened.result(), data
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _constants(self, data: DataFile) -> dict[str, pa.Scalar]:
        values = {
            column.name: typed_value(column, value)
            for column, value in zip(self._table.partitions, data.partition.values, strict=True)
        }
        return {**values, _PATH: pa.scalar(data.item.url), _SIZE: pa.scalar(data.item.size, pa.int64())}


def _in_order(columns: Sequence[ColumnInfo], names: Sequence[str]) -> list[ColumnInfo]:
    by_name = {column.name: column for column in columns}
    return [by_name[name] for name in names]


def _names(filter_: Any, column: ColumnInfo) -> bool:
    """Whether the filter may name the column: its text contains the name. Arrow does not tell more; a column too
    many is read, never one too few."""
    return filter_ is not None and column.name in str(filter_)


def _filtered(
    batch: pa.RecordBatch, shown: pa.Schema, filter_: Any, counts: ReadCounts
) -> Iterator[pa.RecordBatch]:
    table = pa.Table.from_batches([batch])
    rows = table if filter_ is None else table.filter(filter_)
    for found in rows.select(shown.names).to_batches():
        counts.returned_rows += found.num_rows
        counts.returned_bytes += found.nbytes
        yield found
