"""Text of one JSON element -> value of one column, by COPY's rules, or a FieldError with Redshift's error code.

Every element is first turned into text, the way COPY does it: a string is unescaped, a number, `true` and `false`
stay as written, a nested object or array is its own text, `null` is NULL. The column's type then reads that text.
Codes: 1204 range or length, 1205 date, 1206 time stamp, 1207 digit, 1208 float, 1209 decimal, 1210 boolean,
1213 NOT NULL, 1220 UTF-8, 1222 integer overflow, 1224 SUPER.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from json.decoder import scanstring  # pyright: ignore[reportAttributeAccessIssue]

from weblogs_platform.local.redshift.contract import ColumnInfo, RedshiftError
from weblogs_platform.local.redshift.copy import temporal
from weblogs_platform.local.redshift.copy.statement import CopyStatement, not_supported

BLANK_CHARS = " \t\n\r\f\v"
SUPER_LIMIT_BYTES = 16 * 1024 * 1024

_FLOAT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_INTEGER_BITS = {"smallint": 16, "integer": 32, "bigint": 64}
_INTEGER_NAMES = {"smallint": "Short", "integer": "Integer", "bigint": "Long"}
_TRUE = frozenset(("t", "true", "y", "yes", "1"))
_FALSE = frozenset(("f", "false", "n", "no", "0"))
_SURROGATE = re.compile("[\ud800-\udfff]")
_MARKERS = range(
    0xF0000, 0xFFFFD
)  # private use: one that the text lacks stands for an invalid byte meanwhile


class FieldError(Exception):
    """A value that a column cannot take: what stl_load_errors says about it. `position` counts bytes in the value."""

    def __init__(self, code: int, reason: str, position: int = 0) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.position = position


Reader = Callable[[str], object]


@dataclass(frozen=True)
class Converter:
    """Reads one column's elements. `convert` takes the raw JSON text (Latin-1 of the bytes; None when missing) and
    returns a Python value of the column's Arrow type. Raises FieldError."""

    column: ColumnInfo
    read: Reader
    is_character: bool
    is_super: bool
    replacement_char: str | None
    empty_as_null: bool
    blanks_as_null: bool

    def convert(self, raw: str | None) -> object:
        value = None if raw is None or raw == "null" else self._value(raw)
        if value is None and self.column.not_null:
            raise FieldError(1213, "Missing data for not-null field")
        return value

    def _value(self, raw: str) -> object:
        if self.is_super:
            return self._super(raw)
        replacement = self.replacement_char if self.is_character else None
        text = element_text(raw, replacement)
        if self._is_null(text):
            return None
        return self.read(text)

    def _super(self, raw: str) -> str:
        if len(raw) > SUPER_LIMIT_BYTES:
            raise FieldError(1224, "SUPER value exceeds 16 MB")
        return _decode(raw, None)

    def _is_null(self, text: str) -> bool:
        if not text:
            return self.empty_as_null or not self.is_character
        return self.blanks_as_null and self.is_character and not text.strip(BLANK_CHARS)


def element_text(raw: str, replacement: str | None) -> str:
    """The text of an element that is not null. Invalid UTF-8, NUL and lone surrogates become `replacement`, one for
    each byte; without one they raise FieldError 1220."""
    if raw.isascii() and "\\" not in raw:
        return raw[1:-1] if raw[0] == '"' else raw
    if raw[0] != '"':
        return _decode(raw, replacement)
    return _string_text(raw, replacement)


def _decode(raw: str, replacement: str | None) -> str:
    content = raw.encode("latin-1")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if replacement is None:
            bad = content[error.start : error.end]
            raise _invalid_utf8(bad, error.start) from None
        return _replaced(content, replacement)


def _replaced(content: bytes, replacement: str) -> str:
    text = content.decode("utf-8", "surrogateescape")
    return _SURROGATE.sub(lambda _: replacement, text)


def _string_text(raw: str, replacement: str | None) -> str:
    if replacement is None:
        text = scanstring(_decode(raw, None), 1, True)[0]
        bad = re.search("[\0\ud800-\udfff]", text)
        if bad:
            position = len(text[: bad.start()].encode("utf-8", "surrogatepass"))
            raise _invalid_utf8(bad[0].encode("utf-8", "surrogatepass"), position)
        return text
    content = raw.encode("latin-1")
    present = scanstring(content.decode("utf-8", "replace"), 1, True)[0]
    marker = next(chr(code) for code in _MARKERS if chr(code) not in present)
    text = scanstring(_replaced(content, marker), 1, True)[0]
    text = _SURROGATE.sub(replacement.replace("\\", r"\\") * 3, text)
    return text.replace(marker, replacement).replace("\0", replacement)


def _invalid_utf8(sequence: bytes, position: int) -> FieldError:
    reason = f"String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: {sequence.hex(' ')} (error 1)"
    return FieldError(1220, reason, position)


# -- readers by type -------------------------------------------------------------------------------------------------


def converter(column: ColumnInfo, statement: CopyStatement) -> Converter:
    """The converter of a column under the statement's options. Raises RedshiftError for a type that COPY from JSON
    cannot fill here and for a format that is not known."""
    family = type_family(column.type_name)
    return Converter(
        column=column,
        read=_reader(family, column, statement),
        is_character=family in ("varchar", "char"),
        is_super=family == "super",
        replacement_char=statement.replacement_char if family == "varchar" else None,
        empty_as_null=statement.empty_as_null,
        blanks_as_null=statement.blanks_as_null,
    )


_FAMILIES = {
    "character varying": "varchar",
    "varchar": "varchar",
    "nvarchar": "varchar",
    "text": "varchar",
    "character": "char",
    "char": "char",
    "nchar": "char",
    "bpchar": "char",
    "smallint": "smallint",
    "int2": "smallint",
    "integer": "integer",
    "int": "integer",
    "int4": "integer",
    "bigint": "bigint",
    "int8": "bigint",
    "real": "real",
    "float4": "real",
    "double precision": "double",
    "float8": "double",
    "float": "double",
    "numeric": "numeric",
    "decimal": "numeric",
    "boolean": "boolean",
    "bool": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp": "timestamp",
    "timestamp with time zone": "timestamptz",
    "timestamptz": "timestamptz",
    "time without time zone": "time",
    "time": "time",
    "super": "super",
}


def type_family(type_name: str) -> str:
    """The family of a Redshift type name, parameters ignored. Raises RedshiftError 0A000 for one COPY cannot fill."""
    family = _FAMILIES.get(type_name.lower().partition("(")[0].strip())
    if family is None:
        raise not_supported(f"loading the type {type_name} from JSON")
    return family


def _reader(family: str, column: ColumnInfo, statement: CopyStatement) -> Reader:
    if family in ("varchar", "char"):
        return _character(column, family, truncate=statement.truncate_columns)
    if family in _INTEGER_BITS:
        return _integer(family)
    if family == "numeric":
        return _numeric(column, round_half_up=statement.round_decimals)
    return {
        "real": lambda: _real,
        "double": lambda: _double,
        "boolean": lambda: _boolean,
        "date": lambda: _date(statement.date_format),
        "timestamp": lambda: _timestamp(statement.time_format, zoned=False),
        "timestamptz": lambda: _timestamp(statement.time_format, zoned=True),
        "time": lambda: _time,
        "super": lambda: _text,
    }[family]()


def _text(text: str) -> str:
    return text


def _character(column: ColumnInfo, family: str, *, truncate: bool) -> Reader:
    limit = column.length or (256 if family == "varchar" else 1)

    def read(text: str) -> str:
        if family == "char":
            _require_single_bytes(text)
        if len(text) * 4 <= limit:
            return text
        content = text.encode("utf-8")
        if len(content) <= limit:
            return text
        if not truncate:
            raise FieldError(1204, "String length exceeds DDL length", limit)
        return content[:limit].decode("utf-8", "ignore")

    return read


def _require_single_bytes(text: str) -> None:
    if text.isascii():
        return
    at, char = next((at, char) for at, char in enumerate(text) if not char.isascii())
    sequence = char.encode("utf-8").hex(" ")
    raise FieldError(
        1220,
        f"Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: {sequence}",
        at,
    )


def _invalid_digit(code: int, text: str, position: int, type_label: str) -> FieldError:
    found = text[position] if position < len(text) else ""
    return FieldError(code, f"Invalid digit, Value '{found}', Pos {position}, Type: {type_label}", position)


def _bad_position(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _integer(family: str) -> Reader:
    bits = _INTEGER_BITS[family]
    label = _INTEGER_NAMES[family]
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def read(text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise _invalid_digit(1207, text, _bad_position(_INTEGER, text), label)
        digits = text.lstrip("+-0")
        value = int(text) if len(digits) < 20 else high + 1
        if not low <= value <= high:
            raise FieldError(1222, f"Overflow, Value '{text[:64]}', Type: {label}")
        return value

    return read


def _double(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise FieldError(1208, f"Invalid float, Value '{text[:64]}'", _bad_position(_FLOAT, text))
    value = float(text)
    if math.isinf(value):
        raise FieldError(1204, f"Overflow, Value '{text[:64]}', Type: Double")
    return value


def _real(text: str) -> float:
    value = _double(text)
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        raise FieldError(1204, f"Overflow, Value '{text[:64]}', Type: Float") from None


def _numeric(column: ColumnInfo, *, round_half_up: bool) -> Reader:
    precision = column.precision or 18
    scale = column.scale or 0
    unit = Decimal(1).scaleb(-scale)
    rounding = ROUND_HALF_UP if round_half_up else ROUND_DOWN

    def read(text: str) -> Decimal:
        if not _DECIMAL.fullmatch(text):
            raise _invalid_digit(1209, text, _bad_position(_DECIMAL, text), "Decimal")
        exact = Decimal(text)
        value = exact.quantize(unit, rounding, Context(prec=len(text) + scale + 2))
        if value.adjusted() >= precision - scale and value:
            raise FieldError(1204, f"Overflow for NUMERIC({precision},{scale})")
        return value or abs(value)  # no negative zero

    return read


def _boolean(text: str) -> bool:
    folded = text.lower()
    if folded in _TRUE or folded in _FALSE:
        return folded in _TRUE
    raise FieldError(1210, "Unknown boolean format")


def _date(option: str | None) -> Reader:
    read_moment = temporal.moment_reader(option, "DATEFORMAT", temporal.DEFAULT_DATE)

    def read(text: str) -> object:
        try:
            return read_moment(text)[0].date()
        except ValueError:
            raise FieldError(
                1205,
                f"Invalid Date Format - length must be 10 or more, or follow DATEFORMAT {option or temporal.DEFAULT_DATE}",
            ) from None

    return read


def _timestamp(option: str | None, *, zoned: bool) -> Reader:
    read_moment = temporal.moment_reader(option, "TIMEFORMAT", temporal.DEFAULT_TIMESTAMP)
    wanted = option or temporal.DEFAULT_TIMESTAMP

    def read(text: str) -> object:
        try:
            wall, offset = read_moment(text)
            if zoned:
                return wall - (offset or timedelta(0))
        except (ValueError, OverflowError):
            raise FieldError(1206, f"Invalid timestamp format or value [{wanted}]") from None
        if offset:
            raise FieldError(
                1206, "A time zone offset other than UTC cannot go into TIMESTAMP without time zone"
            )
        return wall

    return read


def _time(text: str) -> object:
    try:
        clock, offset = temporal.read_clock(text)
    except ValueError:
        raise FieldError(1206, "Invalid time format or value [HH:MI:SS]") from None
    if offset:
        raise FieldError(1206, "A time zone offset other than UTC cannot go into TIME without time zone")
    return clock


def check_formats(statement: CopyStatement) -> None:
    """Refuses a TIMEFORMAT or DATEFORMAT that is not known, whether or not a column needs it."""
    temporal.moment_reader(statement.time_format, "TIMEFORMAT", temporal.DEFAULT_TIMESTAMP)
    temporal.moment_reader(statement.date_format, "DATEFORMAT", temporal.DEFAULT_DATE)


__all__ = [
    "Converter",
    "FieldError",
    "RedshiftError",
    "check_formats",
    "converter",
    "element_text",
    "type_family",
]
