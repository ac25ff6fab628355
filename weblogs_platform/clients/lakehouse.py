"""The lakehouse: Delta tables in the lake, one a stream, through deltalake.

A commit is atomic by S3's conditional put: of two writers of one version of the log one wins, and the other looks
whether it may still commit. Errors come back as the platform's own. Deliberately absent: what the rows are.
"""

# pyright: basic
# pyarrow and deltalake declare no types that strictness could hold.

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import (
    CommitProperties,
    DeltaTable,
    Field,
    PostCommitHookProperties,
    Schema,
    Transaction,
    WriterProperties,
)
from deltalake import write_deltalake as write_delta
from deltalake.exceptions import CommitFailedError, DeltaError, DeltaProtocolError, SchemaMismatchError

from weblogs_platform.clients.lake import Lake, ObjectMissing
from weblogs_platform.core.errors import (
    AccessRefused,
    InvalidDocument,
    LakehouseConflict,
    LakeUnavailable,
    WeblogsError,
    one_line,
)
from weblogs_platform.core.lake_statements import copy_anew
from weblogs_platform.core.lakehouse import (
    MANIFESTS,
    PARTITIONED_BY,
    PREFIX,
    CopiedColumn,
    HourDigest,
    copied_columns,
    partition_folder,
    partition_predicate,
    transaction_id,
)
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import BigInteger, Decimal, Double, Integer, StreamSpec, Timestamp

ZSTD = WriterProperties(compression="ZSTD", max_row_group_size=131_072)
"""Deltalake's default level of it, 3. Writers and readers hold a row group at a time: some 20 MB."""

RETENTION_HOURS = 7 * 24
"""How long a file stays readable after the table let it go: Delta's own default, which readers rely on."""

_REFUSED = ("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")
_KEEP_LOG = PostCommitHookProperties(cleanup_expired_logs=False)
"""The log is tidied by `maintain`: old entries are what a slower writer compares itself with."""

_TABLE_SETTINGS = {
    # Statistics of every column would cost log for columns that nobody prunes by.
    "delta.dataSkippingStatsColumns": "landing_hour,event_at",
}


@dataclass(frozen=True)
class Lakehouse:
    """`lake` holds the tables; `storage` gives deltalake's storage options, credentials of this moment among them."""

    lake: Lake
    storage: Callable[[], Mapping[str, str]]

    def open(self, spec: StreamSpec) -> CopiedTable:
        """The stream's table as it is now; made when it is not there, and given the columns that the stream has gained.
        They stand behind the others, in one commit, and are null in the hours of before.

        Raises AccessRefused, LakeUnavailable, LakehouseConflict when another writer changed the columns meanwhile (try
        again), and InvalidDocument when the stream lost a column, or has one of another type.
        """
        key = f"{PREFIX}/{spec.name}"
        options, schema = dict(self.storage()), arrow_schema(spec)
        with _translated(key):
            table = DeltaTable.create(
                self.lake.url(key),
                schema,
                mode="ignore",
                partition_by=list(PARTITIONED_BY),
                name=spec.name,
                description=spec.description,
                configuration=_TABLE_SETTINGS,
                storage_options=options,
            )
            gained = _gained(spec, self.lake.url(key), table.schema().fields)
            if gained:
                table.alter.add_columns(gained, post_commithook_properties=_KEEP_LOG)
        return CopiedTable(self.lake, spec, table, key)


@dataclass(frozen=True)
class CopiedTable:
    """One version of a stream's table. What it writes is committed only if nobody changed the same hour since."""

    lake: Lake
    spec: StreamSpec
    table: DeltaTable
    key: str

    def state_of(self, hour: LandingHour) -> int:
        """The state of the hour that the table holds; 0 when it was never written."""
        with _translated(self.key):
            return self.table.transaction_version(transaction_id(self.spec, hour)) or 0

    def replace_hour(self, hour: LandingHour, state: int, batches: Iterable[pa.RecordBatch]) -> None:
        """Replaces the hour's partition by the rows, in one commit that says which state they are.

        Raises LakehouseConflict when another writer committed the hour since this version, and what `batches` raises.
        Then nothing has changed.
        """
        source = _Source(batches)
        reader = pa.RecordBatchReader.from_batches(arrow_schema(self.spec), source.read())
        try:
            with _translated(self.key):
                write_delta(
                    self.table,
                    reader,
                    mode="overwrite",
                    predicate=partition_predicate(hour),
                    writer_properties=ZSTD,
                    commit_properties=CommitProperties(
                        app_transactions=[Transaction(transaction_id(self.spec, hour), state)]
                    ),
                    post_commithook_properties=_KEEP_LOG,
                )
        except WeblogsError:
            if source.error is not None:  # it came back through Rust, as text
                raise source.error from None
            raise

    def refreshed(self) -> None:
        """Looks at the newest version from now on."""
        with _translated(self.key):
            self.table.update_incremental()

    def digest(self, hour: LandingHour) -> tuple[Any, ...]:
        """The figures of `HourDigest` over what the table holds of the hour."""
        with _translated(self.key), duckdb.connect() as connection:
            rows = self._rows(hour)
            connection.register("copied", rows)
            found = connection.execute(HourDigest(self.spec).duckdb("copied")).fetchone()
        if found is None:
            raise InvalidDocument(f"{self.key}: no figures")
        return found

    def _rows(self, hour: LandingHour) -> pa.RecordBatchReader:
        """The hour's rows, a row group at a time: a scanner of the whole dataset keeps what it has read."""
        day, of_day = (ds.field(name) for name in PARTITIONED_BY)
        here = (day == hour.start.date()) & (of_day == f"{hour.start:%H}")
        dataset = self.table.to_pyarrow_dataset(file_pruning_predicate=partition_predicate(hour))
        columns = [c.name for c in copied_columns(self.spec)]

        def batches() -> Iterator[pa.RecordBatch]:
            for file in dataset.get_fragments(filter=here):
                for group in file.split_by_row_group():
                    yield from group.to_table(dataset.schema, columns=columns).to_batches()

        schema = pa.schema([dataset.schema.field(name) for name in columns])
        return pa.RecordBatchReader.from_batches(schema, batches())

    def files_of(self, hour: LandingHour) -> list[str]:
        """The URLs of the hour's files in this version, in order."""
        with _translated(self.key):
            return sorted(self.table.file_uris(file_pruning_predicate=partition_predicate(hour)))

    def publish_manifest(self, hour: LandingHour, files: Sequence[str]) -> None:
        """Lets the hour's manifest for Spectrum name these files."""
        key = f"{self.key}/{MANIFESTS}/{partition_folder(hour)}/manifest"
        body = "\n".join(files).encode()
        try:
            published = self.lake.get(key)
        except ObjectMissing:
            published = None
        if published != body:
            self.lake.put(key, body, content_type="text/plain")

    def maintain(self, *, retention_hours: int = RETENTION_HOURS) -> Maintenance:
        """Puts small files of a partition together, brings all manifests up to date, then removes log entries that a
        checkpoint holds, and files that left the table so many hours ago, or that a killed writer left that long ago
        and never committed.

        Raises LakehouseConflict when hours were written meanwhile; what was done until then is whole.
        """
        with _translated(self.key):
            compacted = self.table.optimize.compact(writer_properties=ZSTD)
            self._publish_manifests()
            removed = self.table.vacuum(
                retention_hours=retention_hours, dry_run=False, enforce_retention_duration=False, full=True
            )
            self.table.create_checkpoint()
            self.table.cleanup_metadata()
            files = len(self.table.file_uris())
        return Maintenance(
            files=files,
            files_put_together=int(compacted["numFilesRemoved"]),
            files_made=int(compacted["numFilesAdded"]),
            files_removed=len(removed),
            version=self.table.version(),
        )

    def _publish_manifests(self) -> None:
        """Those of all hours. Again when anybody committed meanwhile: the manifest that went with the commit may be
        overwritten by one of before."""
        for _ in range(_PUBLICATIONS):
            version = self.table.version()
            self.table.generate()
            self.table.update_incremental()
            if self.table.version() == version:
                return
        raise LakehouseConflict(f"{self.key}: hours were written all the while manifests were")


@dataclass(frozen=True)
class Maintenance:
    """What one maintenance did. `files` are in the table afterwards; `files_removed` are gone from S3."""

    files: int
    files_put_together: int
    files_made: int
    files_removed: int
    version: int


_PUBLICATIONS = 5


def arrow_schema(spec: StreamSpec) -> pa.Schema:
    """The copy's columns, partition columns last. Times are UTC, to the microsecond."""
    fields = [pa.field(c.name, _arrow_type(c)) for c in copied_columns(spec)]
    return pa.schema(
        [*fields, pa.field(PARTITIONED_BY[0], pa.date32()), pa.field(PARTITIONED_BY[1], pa.string())]
    )


def batch_of(spec: StreamSpec, hour: LandingHour, rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    """Rows of the hour, values in the order of `copied_columns`, with the hour's partition."""
    schema = arrow_schema(spec)
    columns = list(zip(*rows, strict=True))
    arrays = [pa.array(values, f.type) for values, f in zip(columns, schema, strict=False)]
    day = pa.repeat(pa.scalar(hour.start.date(), pa.date32()), len(rows))
    of_day = pa.repeat(pa.scalar(f"{hour.start:%H}", pa.string()), len(rows))
    return pa.RecordBatch.from_arrays([*arrays, day, of_day], schema=schema)


def _arrow_type(column: CopiedColumn) -> pa.DataType:
    match column.type:
        case Integer():
            return pa.int32()
        case BigInteger():
            return pa.int64()
        case Double():
            return pa.float64()
        case Decimal(precision, scale):
            return pa.decimal128(precision, scale)
        case Timestamp():
            return pa.timestamp("us", tz="UTC")
        case _:
            return pa.string()


def _gained(spec: StreamSpec, url: str, fields: Sequence[Field]) -> list[Field]:
    """The declared columns that a table of these has not. Raises InvalidDocument, which names the columns, when that is
    not the whole difference."""
    found = {field.name: field.type for field in fields}
    declared = {field.name: field for field in Schema.from_arrow(arrow_schema(spec)).fields}
    may_come = {field.column for field in spec.fields}
    lost = [f"{name} is in it and not in the stream" for name in found if name not in declared]
    changed = [
        f"{name} is {_word(found[name])} in it and {_word(field.type)} in the stream"
        for name, field in declared.items()
        if name in found and found[name] != field.type
    ]
    absent = [f"{name} is not in it" for name in declared if name not in found and name not in may_come]
    if lost or changed or absent:
        raise InvalidDocument(
            f"{url} has other columns than the stream {spec.name}: {', '.join(lost + changed + absent)}. "
            f"{copy_anew(spec)}"
        )
    return [field for name, field in declared.items() if name not in found]


def _word(declared: object) -> str:
    return str(getattr(declared, "type", declared))


class _Source:
    """Batches on their way through Rust, which would turn what they raise into text."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self.error: BaseException | None = None

    def read(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._batches
        except BaseException as error:
            self.error = error
            raise


@contextmanager
def _translated(key: str) -> Generator[None]:
    try:
        yield
    except CommitFailedError as error:
        raise LakehouseConflict(f"{key}: another writer committed first: {_brief(error)}") from error
    except (SchemaMismatchError, DeltaProtocolError) as error:
        raise InvalidDocument(f"{key} is not the Delta table that it should be: {_brief(error)}") from error
    except (DeltaError, OSError, pa.ArrowException) as error:
        if any(sign in str(error) for sign in _REFUSED):
            raise AccessRefused(f"S3 refused {key}: {_brief(error)}") from error
        raise LakeUnavailable(f"{key} could not be read or written: {_brief(error)}") from error


def _brief(error: BaseException) -> str:
    return one_line(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)[:300]
