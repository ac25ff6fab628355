"""Data types in their three shapes: as Redshift declares them, as DuckDB stores them, as the wire names them.

Not here: how values are encoded (`rows`) or read from parameters (`parameters`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from weblogs_platform.local.redshift.contract import RedshiftError

MAX_VARCHAR_BYTES = 65535


class Oid(IntEnum):
    """PostgreSQL's type numbers, as Redshift sends them."""

    BOOL = 16
    INT8 = 20
    INT2 = 21
    INT4 = 23
    TEXT = 25
    FLOAT4 = 700
    FLOAT8 = 701
    UNKNOWN = 705
    CHAR = 1042
    VARCHAR = 1043
    DATE = 1082
    TIME = 1083
    TIMESTAMP = 1114
    TIMESTAMPTZ = 1184
    INTERVAL_DAY_TO_SECOND = 1190
    NUMERIC = 1700
    SUPER = 4000
    VARBYTE = 6551


@dataclass(frozen=True)
class DeclaredType:
    """A Redshift type as a column declares it. `length` is in bytes (character types)."""

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None

    @property
    def duckdb(self) -> str:
        """The DuckDB type that stores it."""
        if self.name == "numeric":
            return f"DECIMAL({self.precision},{self.scale})"
        return _STORED_AS[self.name]

    @property
    def text(self) -> str:
        """As Redshift prints it: `character varying(255)`."""
        if self.length is not None:
            return f"{self.name}({self.length})"
        if self.precision is not None:
            return f"{self.name}({self.precision},{self.scale})"
        return self.name


_STORED_AS = {
    "boolean": "BOOLEAN",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "character": "VARCHAR",
    "character varying": "VARCHAR",
    "date": "DATE",
    "time without time zone": "TIME",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
    "super": "JSON",
    "binary varying": "BLOB",
}

_SIMPLE_NAMES = {
    "bool": "boolean",
    "boolean": "boolean",
    "smallint": "smallint",
    "int2": "smallint",
    "integer": "integer",
    "int": "integer",
    "int4": "integer",
    "bigint": "bigint",
    "int8": "bigint",
    "real": "real",
    "float4": "real",
    "float8": "double precision",
    "double precision": "double precision",
    "date": "date",
    "time": "time without time zone",
    "time without time zone": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamp without time zone": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "timestamp with time zone": "timestamp with time zone",
    "super": "super",
}
_CHARACTER = {
    "varchar": ("character varying", 256),
    "character varying": ("character varying", 256),
    "nvarchar": ("character varying", 256),
    "text": ("character varying", 256),
    "char": ("character", 1),
    "character": ("character", 1),
    "nchar": ("character", 1),
    "bpchar": ("character", 256),
}
_BINARY = ("varbyte", "varbinary", "binary varying")


def declared_type(name: str, arguments: tuple[str, ...] = ()) -> DeclaredType:
    """The type that DDL or a cast names, e.g. ("varchar", ("255",)).

    Raises RedshiftError 0A000 for a type that is not built, 42601/22023 for impossible arguments.
    """
    if name in _CHARACTER:
        return _character(name, arguments)
    if name in ("numeric", "decimal"):
        return _numeric(arguments)
    if name == "float":
        return DeclaredType("real" if arguments and int(arguments[0]) <= 24 else "double precision")
    if name in _BINARY:
        return DeclaredType("binary varying", length=_length(arguments, MAX_VARCHAR_BYTES))
    if name not in _SIMPLE_NAMES:
        raise RedshiftError("0A000", f'type "{name}" is not supported')
    if arguments:
        raise RedshiftError("42601", f'type modifier is not allowed for type "{name}"')
    return DeclaredType(_SIMPLE_NAMES[name])


def _character(name: str, arguments: tuple[str, ...]) -> DeclaredType:
    full_name, default = _CHARACTER[name]
    if name == "text":
        return DeclaredType(full_name, length=256)
    return DeclaredType(full_name, length=_length(arguments, default))


def _length(arguments: tuple[str, ...], default: int) -> int:
    if not arguments:
        return default
    if arguments[0] == "max":
        return MAX_VARCHAR_BYTES
    if len(arguments) != 1 or not arguments[0].isdigit() or not 1 <= int(arguments[0]) <= MAX_VARCHAR_BYTES:
        raise RedshiftError("22023", f"length must be between 1 and {MAX_VARCHAR_BYTES}, not {arguments}")
    return int(arguments[0])


def _numeric(arguments: tuple[str, ...]) -> DeclaredType:
    if len(arguments) > 2 or not all(argument.isdigit() for argument in arguments):
        raise RedshiftError("42601", f"invalid NUMERIC type modifier {arguments}")
    precision = int(arguments[0]) if arguments else 18
    scale = int(arguments[1]) if len(arguments) > 1 else 0
    if not 1 <= precision <= 38:
        raise RedshiftError("22023", f"NUMERIC precision {precision} must be between 1 and 38")
    if not 0 <= scale <= min(37, precision):
        raise RedshiftError("22023", f"NUMERIC scale {scale} must be between 0 and precision {precision}")
    return DeclaredType("numeric", precision=precision, scale=scale)


@dataclass(frozen=True)
class WireType:
    """A result column's type on the wire. `size` is -1 for variable length."""

    oid: int
    size: int
    modifier: int = -1
    declared: DeclaredType = DeclaredType("character varying", length=MAX_VARCHAR_BYTES)


def _wire(oid: Oid, size: int, name: str) -> WireType:
    return WireType(oid, size, -1, DeclaredType(name))


_VARCHAR = WireType(Oid.VARCHAR, -1)
_WIRE = {
    "BOOLEAN": _wire(Oid.BOOL, 1, "boolean"),
    "TINYINT": _wire(Oid.INT2, 2, "smallint"),
    "UTINYINT": _wire(Oid.INT2, 2, "smallint"),
    "SMALLINT": _wire(Oid.INT2, 2, "smallint"),
    "USMALLINT": _wire(Oid.INT4, 4, "integer"),
    "INTEGER": _wire(Oid.INT4, 4, "integer"),
    "UINTEGER": _wire(Oid.INT8, 8, "bigint"),
    "BIGINT": _wire(Oid.INT8, 8, "bigint"),
    "UBIGINT": _wire(Oid.INT8, 8, "bigint"),
    "HUGEINT": _wire(Oid.INT8, 8, "bigint"),
    "FLOAT": _wire(Oid.FLOAT4, 4, "real"),
    "DOUBLE": _wire(Oid.FLOAT8, 8, "double precision"),
    "VARCHAR": _VARCHAR,
    '"NULL"': _VARCHAR,
    "UUID": _VARCHAR,
    "DATE": _wire(Oid.DATE, 4, "date"),
    "TIME": _wire(Oid.TIME, 8, "time without time zone"),
    "TIMESTAMP": _wire(Oid.TIMESTAMP, 8, "timestamp without time zone"),
    "TIMESTAMP WITH TIME ZONE": _wire(Oid.TIMESTAMPTZ, 8, "timestamp with time zone"),
    "INTERVAL": WireType(Oid.INTERVAL_DAY_TO_SECOND, 8, -1, DeclaredType("interval day to second")),
    "JSON": _wire(Oid.SUPER, -1, "super"),
    "BLOB": WireType(Oid.VARBYTE, -1, -1, DeclaredType("binary varying", length=MAX_VARCHAR_BYTES)),
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def wire_type(duckdb_type: str) -> WireType:
    """The wire type of a DuckDB result type. Raises RedshiftError 0A000 for lists, structs and the like."""
    if match := _DECIMAL.fullmatch(duckdb_type):
        precision, scale = int(match.group(1)), int(match.group(2))
        declared = DeclaredType("numeric", precision=precision, scale=scale)
        return WireType(Oid.NUMERIC, -1, ((precision << 16) | scale) + 4, declared)
    if duckdb_type not in _WIRE:
        raise RedshiftError("0A000", f"a result of type {duckdb_type} cannot be sent to the client")
    return _WIRE[duckdb_type]
