"""One Parquet file as batches of the table's columns: found by name, checked against what was declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from weblogs_platform.local.redshift.contract import ColumnInfo, RedshiftError
from weblogs_platform.local.redshift.external.reading import ObjectReader
from weblogs_platform.local.redshift.external.types import Convert, arrow_type, converter
from weblogs_platform.local.redshift.s3 import S3Object

_BATCH_ROWS = 65536


class ParquetFile:
    """An opened file. Opening reads its footer and checks the columns that are wanted. Raises RedshiftError XX000
    for what is no Parquet file, and for a column whose type is not the declared one."""

    def __init__(self, reader: ObjectReader, item: S3Object, wanted: Sequence[ColumnInfo]) -> None:
        self.item = item
        try:
            self._file = pq.ParquetFile(reader.open(item), pre_buffer=True)
        except pa.ArrowInvalid as error:
            raise RedshiftError(
                "XX000", f"Spectrum Scan Error. File '{item.url}' is no Parquet file"
            ) from error
        schema = self._file.schema_arrow
        self._places = {name.lower(): (name, number) for number, name in enumerate(schema.names)}
        self._converters: dict[str, Convert] = {}
        for column in wanted:
            if column.name in self._places:
                self._converters[column.name] = self._converter(column, schema)
        self._wanted = wanted

    def _converter(self, column: ColumnInfo, schema: pa.Schema) -> Convert:
        name, number = self._places[column.name]
        found = converter(column, schema.field(number).type)
        if found is None:
            length = f"({column.length})" if column.length is not None else ""
            kind = {"character varying": "VARCHAR", "character": "CHAR"}.get(
                column.type_name, column.type_name.upper()
            )
            raise RedshiftError(
                "XX000",
                f"Spectrum Scan Error. File '{self.item.url}' has an incompatible Parquet schema for column "
                f"'{column.name}'. Column type: {kind}{length}, Parquet schema: {schema.field(number).type} {name}",
            )
        return found

    def batches(self, constants: Mapping[str, pa.Scalar], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Rows with the columns of the schema: from the file, or the same for every row."""
        names = [self._places[name][0] for name in self._converters]
        if not names:
            yield from self._constant_batches(constants, schema)
            return
        for batch in self._file.iter_batches(_BATCH_ROWS, columns=names, use_threads=False):
            read = {name: batch.column(self._places[name][0]) for name in self._converters}
            arrays = [self._array(field, read, constants, batch.num_rows) for field in schema]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _constant_batches(
        self, constants: Mapping[str, pa.Scalar], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        """Nothing of the file is needed but how many rows it has."""
        left = self._file.metadata.num_rows
        while left > 0:
            rows = min(left, _BATCH_ROWS)
            arrays = [self._array(field, {}, constants, rows) for field in schema]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            left -= rows

    def _array(
        self, field: pa.Field, read: Mapping[str, pa.Array], constants: Mapping[str, pa.Scalar], rows: int
    ) -> pa.Array:
        if field.name in read:
            return self._converters[field.name](read[field.name])
        if field.name in constants:
            return pa.repeat(constants[field.name], rows)
        return pa.nulls(rows, field.type)  # a column that the file does not have

    def close(self) -> None:
        self._file.close()


def table_schema(columns: Sequence[ColumnInfo]) -> pa.Schema:
    """Declared columns as Arrow's."""
    return pa.schema([pa.field(column.name, arrow_type(column)) for column in columns])
