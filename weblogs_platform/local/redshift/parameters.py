"""Bind parameters as DuckDB literals.

Text parameters become *untyped* literals, as in PostgreSQL: `WHERE ts > $1` with a string compares timestamps, and a
string inserted into an INTEGER column is converted. Binary values are read by their declared type.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.datatypes import Oid
from weblogs_platform.local.redshift.dialect.translate import string_literal

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_UNTYPED = (0, Oid.TEXT, Oid.UNKNOWN, Oid.CHAR, Oid.VARCHAR)
_TYPE_OF = {
    Oid.BOOL: "BOOLEAN",
    Oid.INT2: "SMALLINT",
    Oid.INT4: "INTEGER",
    Oid.INT8: "BIGINT",
    Oid.FLOAT4: "FLOAT",
    Oid.FLOAT8: "DOUBLE",
    Oid.DATE: "DATE",
    Oid.TIME: "TIME",
    Oid.TIMESTAMP: "TIMESTAMP",
    Oid.TIMESTAMPTZ: "TIMESTAMPTZ",
    Oid.NUMERIC: "DECIMAL(38,10)",
    Oid.SUPER: "JSON",
}


def check_parameter_type(oid: int) -> None:
    """Raises RedshiftError 0A000 for types that cannot be bound (arrays, intervals, bytea)."""
    if oid not in _UNTYPED and oid not in _TYPE_OF:
        raise RedshiftError("0A000", f"parameters of type {oid} are not supported")


def null_literal(oid: int) -> str:
    """A NULL for describing a statement before its values are known."""
    return "NULL" if oid in _UNTYPED else f"CAST(NULL AS {_TYPE_OF[Oid(oid)]})"


def literal(value: bytes | None, oid: int, format_code: int) -> str:
    """The SQL literal of one bound value. Raises RedshiftError 22P02, 22P03 or 22021 for what it cannot be."""
    if value is None:
        return null_literal(oid)
    if format_code == 0 or oid in _UNTYPED:
        return _from_text(value, oid)
    return _from_binary(value, oid)


def _from_text(value: bytes, oid: int) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RedshiftError("22021", "a parameter is not valid UTF-8") from error
    if oid in _UNTYPED:
        return string_literal(text)
    if oid == Oid.NUMERIC:
        return _numeric(text)
    return f"CAST({string_literal(text)} AS {_TYPE_OF[Oid(oid)]})"


def _numeric(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise RedshiftError("22P02", f'invalid input syntax for type numeric: "{text}"') from error
    if not number.is_finite():
        raise RedshiftError("22P02", f'invalid input syntax for type numeric: "{text}"')
    _, digits, exponent = number.as_tuple()
    scale = max(0, -int(exponent))
    precision = max(len(digits) + max(0, int(exponent)), scale)
    if precision > 38:
        raise RedshiftError("22003", f"numeric parameter {text} has more than 38 digits")
    return f"CAST('{number:f}' AS DECIMAL({max(precision, 1)},{scale}))"


def _float(value: bytes, code: str) -> str:
    (number,) = struct.unpack(code, value)
    return f"CAST('{number!r}' AS {'FLOAT' if code == '!f' else 'DOUBLE'})"


def _moment(value: bytes) -> datetime:
    (micros,) = struct.unpack("!q", value)
    return _EPOCH + timedelta(microseconds=micros)


def _date(value: bytes) -> str:
    (days,) = struct.unpack("!i", value)
    return f"DATE '{date(2000, 1, 1) + timedelta(days=days)}'"


_BINARY: dict[int, Callable[[bytes], str]] = {
    Oid.BOOL: lambda value: "TRUE" if value == b"\x01" else "FALSE",
    Oid.INT2: lambda value: f"CAST({struct.unpack('!h', value)[0]} AS SMALLINT)",
    Oid.INT4: lambda value: f"CAST({struct.unpack('!i', value)[0]} AS INTEGER)",
    Oid.INT8: lambda value: f"CAST({struct.unpack('!q', value)[0]} AS BIGINT)",
    Oid.FLOAT4: lambda value: _float(value, "!f"),
    Oid.FLOAT8: lambda value: _float(value, "!d"),
    Oid.DATE: _date,
    Oid.TIMESTAMP: lambda value: f"TIMESTAMP '{_moment(value).replace(tzinfo=None).isoformat(sep=' ')}'",
    Oid.TIMESTAMPTZ: lambda value: f"TIMESTAMPTZ '{_moment(value).isoformat(sep=' ')}'",
}


def _from_binary(value: bytes, oid: int) -> str:
    read = _BINARY.get(oid)
    if read is None:
        raise RedshiftError("0A000", f"binary parameters of type {oid} are not supported")
    try:
        return read(value)
    except (struct.error, OverflowError) as error:
        raise RedshiftError("22P03", f"incorrect binary data for a parameter of type {oid}") from error
