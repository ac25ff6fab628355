"""External columns as Arrow has them, and what a Parquet file's column must be to be read as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from weblogs_platform.local.redshift.contract import ColumnInfo, RedshiftError

_COMPUTE: Any = pc  # its functions are made at import, unseen by type checkers
Convert = Callable[[pa.Array], pa.Array]
_ARROW: dict[str, pa.DataType] = {
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "character": pa.string(),
    "character varying": pa.string(),
    "date": pa.date32(),
    "timestamp without time zone": pa.timestamp("us"),
}


def arrow_type(column: ColumnInfo) -> pa.DataType:
    """What DuckDB gets for a declared column."""
    if column.type_name == "numeric":
        return pa.decimal128(column.precision or 18, column.scale or 0)
    return _ARROW[column.type_name]


def typed_value(column: ColumnInfo, value: str | None) -> pa.Scalar:
    """A partition's value, stored as text, in the column's type."""
    return pa.scalar(value, pa.string()).cast(arrow_type(column))


def converter(column: ColumnInfo, found: pa.DataType) -> Convert | None:
    """What makes a file's column the declared one; None when their types do not match, as Spectrum demands."""
    wanted = arrow_type(column)
    if pa.types.is_string(wanted):
        return _text(column.length or 1) if _is_text(found) else None
    if pa.types.is_timestamp(wanted):
        return _timestamp if pa.types.is_timestamp(found) else None
    if pa.types.is_decimal(wanted):
        return _cast(wanted) if _holds_decimal(wanted, found) else None
    if wanted == pa.int16() and found == pa.int8():
        return _cast(wanted)
    return _cast(wanted) if found == wanted else None


def _is_text(found: pa.DataType) -> bool:
    return (
        pa.types.is_string(found)
        or pa.types.is_large_string(found)
        or pa.types.is_binary(found)
        or (pa.types.is_dictionary(found) and _is_text(found.value_type))
    )


def _holds_decimal(wanted: Any, found: Any) -> bool:
    return pa.types.is_decimal(found) and found.scale == wanted.scale and found.precision <= wanted.precision


def _cast(wanted: pa.DataType) -> Convert:
    return lambda array: array if array.type == wanted else array.cast(wanted)


def _timestamp(array: pa.Array) -> pa.Array:
    """In UTC and without a zone; what is finer than microseconds is cut off."""
    return array.cast(pa.timestamp("us"), safe=False)


def _text(length: int) -> Convert:
    def convert(array: Any) -> pa.Array:
        plain = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
        try:
            text = plain.cast(pa.string())
        except pa.ArrowInvalid as error:
            raise RedshiftError("XX000", "the data contains invalid UTF-8") from error
        longest = _COMPUTE.max(_COMPUTE.binary_length(text)).as_py()
        return text if longest is None or longest <= length else _truncated(text, length)

    return convert


def _truncated(text: pa.Array, length: int) -> pa.Array:
    """Values that are too long lose their end, without an error, as in Spectrum."""
    cut = [
        None if value is None else value.encode()[:length].decode("utf-8", "ignore")
        for value in text.to_pylist()
    ]
    return pa.array(cut, pa.string())
