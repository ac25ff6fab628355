"""Result batches (Arrow) as DataRow messages, column by column.

Text is PostgreSQL's text form; binary is what redshift_connector decodes: integers and floats big-endian, times in
microseconds, timestamps and dates counted from 2000-01-01, numerics as scaled 8- or 16-byte integers.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.datatypes import Oid, WireType

_NULL = struct.pack("!i", -1)
_MICROS_2000 = 946_684_800_000_000
_DAYS_2000 = 10957
_TEXT, _BINARY = 0, 1
_ARROW: dict[int, pa.DataType] = {
    Oid.BOOL: pa.bool_(),
    Oid.INT2: pa.int16(),
    Oid.INT4: pa.int32(),
    Oid.INT8: pa.int64(),
    Oid.FLOAT4: pa.float32(),
    Oid.FLOAT8: pa.float64(),
    Oid.DATE: pa.date32(),
    Oid.TIME: pa.time64("us"),
    Oid.TIMESTAMP: pa.timestamp("us"),
    Oid.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
    Oid.VARCHAR: pa.string(),
    Oid.SUPER: pa.string(),
}


def data_rows(batch: pa.RecordBatch, types: Sequence[WireType], formats: Sequence[int]) -> list[bytes]:
    """One message per row. Raises RedshiftError 22003 / 0A000 for a value that its type cannot carry."""
    columns = [
        _cells(batch.column(index), wire_type, format_code)
        for index, (wire_type, format_code) in enumerate(zip(types, formats, strict=True))
    ]
    head = struct.pack("!H", len(columns))
    if not columns:
        return [b"D" + struct.pack("!I", 6) + head] * batch.num_rows
    pack = struct.Struct("!cI").pack
    bodies = map(b"".join, zip(*columns, strict=True))
    return [pack(b"D", len(body) + 6) + head + body for body in bodies]


def text_values(column: pa.Array, wire_type: WireType) -> list[bytes | None]:
    """A column's values in PostgreSQL's text form (UTF-8), None for nulls."""
    cells = _cells(column, wire_type, _TEXT)
    return [None if cell == _NULL else cell[4:] for cell in cells]


def _cells(column: pa.Array, wire_type: WireType, format_code: int) -> list[bytes]:
    """Each value with its length before it."""
    encode = _ENCODERS.get((wire_type.oid, format_code))
    if encode is None:
        raise RedshiftError("0A000", f"type {wire_type.oid} cannot be sent in format {format_code}")
    cells = encode(_as_described(column, wire_type), wire_type)
    if column.null_count:
        valid = column.is_valid().to_pylist()
        return [cell if present else _NULL for cell, present in zip(cells, valid, strict=True)]
    return cells


def _as_described(column: pa.Array, wire_type: WireType) -> pa.Array:
    """The column in the Arrow type of what was described; differs when parameters had no type yet."""
    target = _ARROW.get(wire_type.oid)
    if wire_type.oid == Oid.NUMERIC:
        declared = wire_type.declared
        target = pa.decimal128(declared.precision or 38, declared.scale or 0)
    if target is None or column.type == target:
        return column
    if isinstance(column, pa.ExtensionArray):
        return _as_described(column.storage, wire_type)
    try:
        return pc.cast(column, target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        state = "22003" if isinstance(error, pa.ArrowInvalid) else "0A000"
        raise RedshiftError(state, f"a result value does not fit the described type: {error}") from error


def _fixed(dtype: str, offset: int = 0, arrow: pa.DataType | None = None) -> Callable[..., list[bytes]]:
    """Numbers of one width, through numpy: length and value as one record, cut into cells."""
    record = np.dtype([("length", ">i4"), ("value", dtype)])
    width = record.itemsize

    def encode(column: pa.Array, _: WireType) -> list[bytes]:
        numbers = column.view(arrow) if arrow is not None else column
        values = pc.fill_null(numbers, pa.scalar(0).cast(numbers.type)).to_numpy(zero_copy_only=False)
        records = np.empty(len(values), dtype=record)
        records["length"] = width - 4
        records["value"] = values - offset if offset else values
        raw = records.tobytes()
        return [raw[at : at + width] for at in range(0, len(raw), width)]

    return encode


def _bool_binary(column: pa.Array, _: WireType) -> list[bytes]:
    cells = {True: b"\0\0\0\1\1", False: b"\0\0\0\1\0", None: _NULL}
    return [cells[value] for value in column.to_pylist()]


def _numeric_binary(column: pa.Array, wire_type: WireType) -> list[bytes]:
    width = 8 if (wire_type.declared.precision or 38) <= 18 else 16
    data = column.buffers()[1]
    if data is None:
        return [_NULL] * len(column)
    raw = np.frombuffer(data, dtype=np.uint8)[column.offset * 16 : (column.offset + len(column)) * 16]
    swapped = raw.reshape(-1, 16)[:, ::-1][:, 16 - width :].tobytes()
    head = struct.pack("!I", width)
    return [head + swapped[at : at + width] for at in range(0, len(swapped), width)]


def _text_cells(column: pa.Array, _: WireType) -> list[bytes]:
    """Straight from Arrow's buffers: the bytes are UTF-8 already."""
    buffers = column.buffers()
    if buffers[1] is None:
        return [_NULL] * len(column)
    offsets = np.frombuffer(buffers[1], dtype=np.int32)[
        column.offset : column.offset + len(column) + 1
    ].tolist()
    data = buffers[2].to_pybytes() if buffers[2] is not None else b""
    pack = struct.Struct("!I").pack
    return [pack(end - start) + data[start:end] for start, end in itertools.pairwise(offsets)]


def _as_text(form: Callable[[Any], str]) -> Callable[..., list[bytes]]:
    def encode(column: pa.Array, _: WireType) -> list[bytes]:
        cells: list[bytes] = []
        for value in column.to_pylist():
            raw = b"" if value is None else form(value).encode()
            cells.append(struct.pack("!I", len(raw)) + raw)
        return cells

    return encode


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    return text.removesuffix(".0") if "e" not in text else text


def _real_text(value: float) -> str:
    return _float_text(float(str(np.float32(value))))


def _timestamp_text(value: dt.datetime) -> str:
    text = value.replace(tzinfo=None).isoformat(sep=" ")
    text = text.rstrip("0") if "." in text else text
    return f"{text}+00" if value.tzinfo is not None else text


def _interval_micros(value: Any) -> int:
    months, days, nanoseconds = value
    if months:
        raise RedshiftError("0A000", "an interval with months cannot be sent to the client")
    return days * 86_400_000_000 + nanoseconds // 1000


def _interval_binary(column: pa.Array, _: WireType) -> list[bytes]:
    pack = struct.Struct("!Iq").pack
    return [_NULL if value is None else pack(8, _interval_micros(value)) for value in column.to_pylist()]


def _interval_text(value: Any) -> str:
    seconds, micros = divmod(abs(_interval_micros(value)), 1_000_000)
    days, seconds = divmod(seconds, 86400)
    clock = f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
    sign = "-" if _interval_micros(value) < 0 else ""
    return f"{sign}{days} days {sign}{clock}" + (f".{micros:06}" if micros else "")


_ENCODERS: dict[tuple[int, int], Callable[[pa.Array, WireType], list[bytes]]] = {
    (Oid.BOOL, _BINARY): _bool_binary,
    (Oid.BOOL, _TEXT): _as_text(lambda value: "t" if value else "f"),
    (Oid.INT2, _BINARY): _fixed(">i2"),
    (Oid.INT4, _BINARY): _fixed(">i4"),
    (Oid.INT8, _BINARY): _fixed(">i8"),
    (Oid.INT2, _TEXT): _as_text(str),
    (Oid.INT4, _TEXT): _as_text(str),
    (Oid.INT8, _TEXT): _as_text(str),
    (Oid.FLOAT4, _BINARY): _fixed(">f4"),
    (Oid.FLOAT8, _BINARY): _fixed(">f8"),
    (Oid.FLOAT4, _TEXT): _as_text(_real_text),
    (Oid.FLOAT8, _TEXT): _as_text(_float_text),
    (Oid.NUMERIC, _BINARY): _numeric_binary,
    (Oid.NUMERIC, _TEXT): _as_text(lambda value: f"{value:f}"),
    (Oid.DATE, _BINARY): _fixed(">i4", _DAYS_2000, pa.int32()),
    (Oid.DATE, _TEXT): _as_text(lambda value: value.isoformat()),
    (Oid.TIME, _BINARY): _fixed(">i8", 0, pa.int64()),
    (Oid.TIME, _TEXT): _as_text(lambda value: value.isoformat()),
    (Oid.TIMESTAMP, _BINARY): _fixed(">i8", _MICROS_2000, pa.int64()),
    (Oid.TIMESTAMP, _TEXT): _as_text(_timestamp_text),
    (Oid.TIMESTAMPTZ, _BINARY): _fixed(">i8", _MICROS_2000, pa.int64()),
    (Oid.TIMESTAMPTZ, _TEXT): _as_text(_timestamp_text),
    (Oid.INTERVAL_DAY_TO_SECOND, _BINARY): _interval_binary,
    (Oid.INTERVAL_DAY_TO_SECOND, _TEXT): _as_text(_interval_text),
    (Oid.VARCHAR, _BINARY): _text_cells,
    (Oid.VARCHAR, _TEXT): _text_cells,
    (Oid.SUPER, _BINARY): _text_cells,
    (Oid.SUPER, _TEXT): _text_cells,
    (Oid.VARBYTE, _TEXT): _as_text(lambda value: value.hex()),
}
