"""Rows as lines of text: delimited, CSV or JSON, as UNLOAD writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pyarrow as pa

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.datatypes import Oid, WireType
from weblogs_platform.local.redshift.results import Columns
from weblogs_platform.local.redshift.rows import text_values
from weblogs_platform.local.redshift.unload.statement import UnloadStatement

_NUMBERS = frozenset((Oid.INT2, Oid.INT4, Oid.INT8, Oid.FLOAT4, Oid.FLOAT8, Oid.NUMERIC))
_CHARACTERS = frozenset((Oid.VARCHAR, Oid.CHAR, Oid.TEXT))
_NOT_FINITE = frozenset((b"NaN", b"Infinity", b"-Infinity"))
Render = Callable[[pa.RecordBatch], list[bytes]]


def line_renderer(statement: UnloadStatement, columns: Columns) -> Render:
    """What turns batches of these columns into lines, each with its line break. Raises RedshiftError 0A000 for a
    type that the format does not have, 42701 for a name that JSON would have twice."""
    if statement.format == "json":
        return _json_renderer(columns)
    fields = [_field(statement, wire_type) for _, wire_type in columns]
    delimiter = statement.delimiter.encode()

    def render(batch: pa.RecordBatch) -> list[bytes]:
        cells = [
            [field(value) for value in text_values(batch.column(index), columns[index][1])]
            for index, field in enumerate(fields)
        ]
        return [delimiter.join(row) + b"\n" for row in zip(*cells, strict=True)]

    return render


def header_line(statement: UnloadStatement, columns: Columns) -> bytes:
    """The line of column names; empty without HEADER."""
    if not statement.header:
        return b""
    field = _field(statement, WireType(Oid.VARCHAR, -1))
    return statement.delimiter.encode().join(field(name.encode()) for name, _ in columns) + b"\n"


def _field(statement: UnloadStatement, wire_type: WireType) -> Callable[[bytes | None], bytes]:
    is_super = wire_type.oid == Oid.SUPER
    null = b"null" if is_super else statement.null_as.encode()
    transform = _csv_field(statement) if statement.format == "csv" else _text_field(statement, wire_type)
    return lambda value: null if value is None else transform(value)


def _csv_field(statement: UnloadStatement) -> Callable[[bytes], bytes]:
    special = re.compile(b'["\r\n' + re.escape(statement.delimiter.encode()) + b"]")

    def quote(value: bytes) -> bytes:
        return b'"' + value.replace(b'"', b'""') + b'"' if special.search(value) else value

    return quote


def _text_field(statement: UnloadStatement, wire_type: WireType) -> Callable[[bytes], bytes]:
    escape = _escape(statement) if statement.escape and wire_type.oid in _CHARACTERS else None
    quote = b'"' if statement.add_quotes else b""

    def transform(value: bytes) -> bytes:
        return quote + (escape(value) if escape else value) + quote

    return transform


def _escape(statement: UnloadStatement) -> Callable[[bytes], bytes]:
    quotes = b"\"'" if statement.add_quotes else b""
    escaped = re.compile(b"([\n\r\\\\" + quotes + re.escape(statement.delimiter.encode()) + b"])")
    return lambda value: escaped.sub(rb"\\\1", value)


def _json_renderer(columns: Columns) -> Render:
    names = [name for name, _ in columns]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise RedshiftError(
            "42701", f"UNLOAD: JSON needs column names that differ, not two of {min(repeated)}"
        )
    keys = [json.dumps(name, ensure_ascii=False).encode() + b":" for name in names]
    encoders = [_json_encoder(name, wire_type) for name, wire_type in columns]

    def render(batch: pa.RecordBatch) -> list[bytes]:
        cells = [
            [keys[index] + (b"null" if value is None else encode(value)) for value in values]
            for index, encode in enumerate(encoders)
            for values in [text_values(batch.column(index), columns[index][1])]
        ]
        return [b"{" + b",".join(row) + b"}\n" for row in zip(*cells, strict=True)]

    return render


def _json_encoder(name: str, wire_type: WireType) -> Callable[[bytes], bytes]:
    if wire_type.oid == Oid.VARBYTE:
        raise RedshiftError("0A000", f"UNLOAD: JSON has no VARBYTE (column {name})")
    if wire_type.oid == Oid.SUPER:
        return lambda value: value
    if wire_type.oid in _NUMBERS:
        return lambda value: _json_string(value) if value in _NOT_FINITE else value
    return _json_string


def _json_string(value: bytes) -> bytes:
    return json.dumps(value.decode("utf-8"), ensure_ascii=False).encode()
