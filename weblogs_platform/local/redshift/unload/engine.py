"""Running an UNLOAD: batches of the query's result go to files, slice by slice and partition by partition.

The rows of a partition follow each other (the session sorts by the partition columns), so that one folder's files are
open at a time. A failed UNLOAD leaves the files that it has written, as Redshift does; the manifest comes last.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.datatypes import Oid
from weblogs_platform.local.redshift.results import Columns
from weblogs_platform.local.redshift.rows import text_values
from weblogs_platform.local.redshift.unload.parts import Part, part_maker
from weblogs_platform.local.redshift.unload.statement import UnloadStatement
from weblogs_platform.local.redshift.unload.target import UnloadTarget, partition_folder

_SLICES = 2  # of the cluster that this server stands for
_PARTITION_TYPES = frozenset(
    (Oid.INT2, Oid.INT4, Oid.INT8, Oid.NUMERIC, Oid.FLOAT4, Oid.BOOL, Oid.VARCHAR, Oid.DATE, Oid.TIMESTAMP)
)


def run_unload(
    statement: UnloadStatement,
    columns: Columns,
    batches: Iterable[pa.RecordBatch],
    target: UnloadTarget,
    scratch: Path,
    check_cancelled: Callable[[], None],
) -> int:
    """Writes every row and returns how many there were. `scratch` is a folder for temporary files. Raises
    RedshiftError: 42703 / 0A000 for columns that do not fit, XX000 for what S3 refuses."""
    keys = _partition_indexes(statement, columns)
    kept = [index for index in range(len(columns)) if statement.include_partitions or index not in keys]
    file_columns = [columns[index] for index in kept]
    make_part = part_maker(statement, file_columns, scratch)
    target.prepare()
    rows = 0
    writer = _FolderWriter(statement, target, make_part, "")
    for folder, batch in _by_folder(statement, columns, keys, batches):
        check_cancelled()
        if folder != writer.folder:
            writer.close()
            writer = _FolderWriter(statement, target, make_part, folder)
        writer.write(batch.select(kept))
        rows += batch.num_rows
    writer.close()
    if statement.manifest:
        target.write_manifest(file_columns)
    return rows


def _partition_indexes(statement: UnloadStatement, columns: Columns) -> list[int]:
    names = [name for name, _ in columns]
    for name in statement.partition_by:
        if name not in names:
            raise RedshiftError("42703", f'UNLOAD: partition column "{name}" is not in the query\'s result')
        wire_type = columns[names.index(name)][1]
        if wire_type.oid not in _PARTITION_TYPES:
            raise RedshiftError(
                "0A000", f"UNLOAD: {wire_type.declared.name.upper()} cannot be a partition column ({name})"
            )
    if statement.partition_by and len(statement.partition_by) == len(columns):
        raise RedshiftError("0A000", "UNLOAD: at least one column must not be a partition column")
    return [names.index(name) for name in statement.partition_by]


def _by_folder(
    statement: UnloadStatement, columns: Columns, keys: list[int], batches: Iterable[pa.RecordBatch]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Slices of the batches that belong into one folder, in order."""
    for batch in batches:
        if not keys:
            yield "", batch
            continue
        values = [text_values(batch.column(index), columns[index][1]) for index in keys]
        start = 0
        for key, group in itertools.groupby(zip(*values, strict=True)):
            length = sum(1 for _ in group)
            yield partition_folder(statement.partition_by, key), batch.slice(start, length)
            start += length


class _FolderWriter:
    """The open files of one folder, one a slice; batches go to the slices in turn."""

    def __init__(
        self, statement: UnloadStatement, target: UnloadTarget, make_part: Callable[[], Part], folder: str
    ) -> None:
        self.folder = folder
        self._target = target
        self._make_part = make_part
        slices = _SLICES if statement.parallel else 1
        self._turns = itertools.cycle(range(slices))
        self._parts: dict[int, Part] = {}
        self._finished = dict.fromkeys(range(slices), 0)
        # Text comes with a file for every slice, also for those without rows.
        self._always = statement.format != "parquet" and not statement.partition_by

    def write(self, batch: pa.RecordBatch) -> None:
        number = next(self._turns)
        rest: pa.RecordBatch | None = batch
        while rest is not None:
            rest = self._part(number).write(rest)
            if rest is not None:
                self._finish(number)

    def _part(self, number: int) -> Part:
        if number not in self._parts:
            self._target.prepare_folder(self.folder)
            self._parts[number] = self._make_part()
        return self._parts[number]

    def _finish(self, number: int) -> None:
        part = self._parts.pop(number)
        with part.file as file:
            part.finish()
            self._target.upload(self.folder, number, self._finished[number], file, part.lines)
        self._finished[number] += 1

    def close(self) -> None:
        """Uploads what is open."""
        for number in self._finished:
            if number in self._parts or (self._always and not self._finished[number]):
                self._part(number)
                self._finish(number)
