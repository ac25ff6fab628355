"""CREATE TABLE, read by hand: columns, keys, distribution, LIKE, AS.

Keys (PRIMARY KEY, UNIQUE, FOREIGN KEY) are read and, as in Redshift, not enforced. COLLATE, CHECK, PARTITION BY and
external tables are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.datatypes import DeclaredType, declared_type
from weblogs_platform.local.redshift.dialect.queries import parse_query
from weblogs_platform.local.redshift.dialect.reader import Reader
from weblogs_platform.local.redshift.dialect.statements import (
    ColumnSpec,
    CreateTable,
    CreateTableAs,
    Distribution,
    LikeTable,
)

_ENCODINGS = frozenset(
    [
        "raw",
        "az64",
        "bytedict",
        "delta",
        "delta32k",
        "lzo",
        "mostly8",
        "mostly16",
        "mostly32",
        "runlength",
        "text255",
        "text32k",
        "zstd",
    ]
)
_ATTRIBUTES = [
    "default",
    "not",
    "null",
    "primary",
    "unique",
    "references",
    "encode",
    "distkey",
    "sortkey",
    "identity",
    "generated",
    "collate",
    "check",
    "constraint",
]
_MULTI_WORD_TYPES = {
    "double": ("precision",),
    "character": ("varying",),
    "binary": ("varying",),
}


@dataclass
class _Body:
    """What has been read so far of one CREATE TABLE."""

    elements: list[ColumnSpec | LikeTable] = field(default_factory=list)
    distribution: Distribution = field(default_factory=Distribution)
    primary_key: tuple[str, ...] = ()


def parse_create_table(reader: Reader, *, temporary: bool) -> CreateTable | CreateTableAs:
    """After the words CREATE [TEMP] TABLE. Raises RedshiftError 42601 or 0A000."""
    if_not_exists = reader.accept("if", "not", "exists")
    name = reader.qualified_name()
    body = _Body()
    names: tuple[str, ...] = ()
    if _starts_name_list(reader):
        names = reader.name_list()
    elif reader.accept_op("("):
        _elements(reader, body)
        reader.expect_op(")")
    _table_attributes(reader, body)
    if reader.accept("as"):
        if body.elements:
            raise RedshiftError("42601", "CREATE TABLE AS takes column names without types")
        query = parse_query(reader.rest())
        return CreateTableAs(name, temporary, if_not_exists, names, query, body.distribution)
    reader.end()
    if not body.elements:
        raise RedshiftError("42601", "syntax error: a table needs at least one column")
    elements = _with_primary_key(body)
    return CreateTable(
        name, temporary, if_not_exists, elements, body.distribution, primary_key=body.primary_key
    )


def _starts_name_list(reader: Reader) -> bool:
    """`(a, b)` or `(a)`: names without types, as CREATE TABLE AS has them."""
    opening, after = reader.peek(), reader.peek(2)
    if opening is None or opening.value != "(" or after is None:
        return False
    return after.value in (",", ")")


def _with_primary_key(body: _Body) -> tuple[ColumnSpec | LikeTable, ...]:
    return tuple(
        replace(element, not_null=True)
        if isinstance(element, ColumnSpec) and element.name in body.primary_key
        else element
        for element in body.elements
    )


def _elements(reader: Reader, body: _Body) -> None:
    while True:
        if reader.accept("like"):
            parent = reader.qualified_name()
            body.elements.append(LikeTable(parent, _including_defaults(reader)))
        elif not _table_constraint(reader, body):
            body.elements.append(parse_column(reader, body))
        if not reader.accept_op(","):
            return


def _including_defaults(reader: Reader) -> bool:
    if reader.accept("including", "defaults"):
        return True
    reader.accept("excluding", "defaults")
    return False


def _table_constraint(reader: Reader, body: _Body) -> bool:
    if reader.accept("constraint"):
        reader.name()
    if reader.accept("primary", "key"):
        body.primary_key = reader.name_list()
    elif reader.accept("unique"):
        reader.name_list()
    elif reader.accept("foreign", "key"):
        reader.name_list()
        reader.expect("references")
        _reference(reader)
    else:
        return False
    return True


def _reference(reader: Reader) -> None:
    reader.qualified_name()
    opening = reader.peek()
    if opening is not None and opening.value == "(":
        reader.name_list()


def parse_type(reader: Reader) -> DeclaredType:
    """A type name with its arguments, e.g. `character varying(255)`."""
    name = reader.name()
    for following in _MULTI_WORD_TYPES.get(name, ()):
        if reader.accept(following):
            name = f"{name} {following}"
    arguments: list[str] = []
    if reader.accept_op("("):
        arguments.append(reader.take().value)
        while reader.accept_op(","):
            arguments.append(reader.take().value)
        reader.expect_op(")")
    if name in ("time", "timestamp"):
        for zone in ("with", "without"):
            if reader.accept(zone, "time", "zone"):
                name = f"{name} {zone} time zone"
    return declared_type(name, tuple(arguments))


def parse_column(reader: Reader, body: _Body | None = None) -> ColumnSpec:
    """`name type [attributes]`; key attributes go to `body` (None outside CREATE TABLE: they are refused)."""
    column = ColumnSpec(reader.name(), parse_type(reader))
    while True:
        changed = _column_attribute(reader, column, body)
        if changed is None:
            return column
        column = changed


def _column_attribute(reader: Reader, column: ColumnSpec, body: _Body | None) -> ColumnSpec | None:
    if reader.accept("not", "null"):
        return replace(column, not_null=True)
    if reader.accept("null"):
        return replace(column, says_null=True)
    if reader.accept("unique"):
        return column
    if reader.accept("default"):
        return replace(column, default=reader.expression(*_ATTRIBUTES))
    if reader.accept("encode"):
        return replace(column, encoding=_encoding(reader))
    if reader.accept("identity"):
        return replace(column, identity=_identity(reader), not_null=True)
    if reader.accept("generated", "by", "default", "as", "identity"):
        raise RedshiftError(
            "0A000", "GENERATED BY DEFAULT AS IDENTITY is not supported; use IDENTITY(seed, step)"
        )
    if reader.accept("references"):
        _reference(reader)
        return column
    return _key_attribute(reader, column, body) if body is not None else None


def _key_attribute(reader: Reader, column: ColumnSpec, body: _Body) -> ColumnSpec | None:
    if reader.accept("primary", "key"):
        body.primary_key = (column.name,)
        return replace(column, not_null=True)
    if reader.accept("distkey"):
        body.distribution = replace(body.distribution, style="KEY", key=column.name)
        return column
    if reader.accept("sortkey"):
        body.distribution = replace(body.distribution, sort_keys=(column.name,))
        return column
    return None


def _encoding(reader: Reader) -> str:
    encoding = reader.name()
    if encoding not in _ENCODINGS:
        raise RedshiftError("42601", f'unknown compression encoding "{encoding}"')
    return encoding


def _identity(reader: Reader) -> tuple[int, int]:
    reader.expect_op("(")
    seed = reader.integer()
    reader.expect_op(",")
    step = reader.integer()
    reader.expect_op(")")
    if step == 0:
        raise RedshiftError("22023", "IDENTITY step must not be 0")
    return seed, step


def _table_attributes(reader: Reader, body: _Body) -> None:
    while _table_attribute(reader, body):
        pass


def _table_attribute(reader: Reader, body: _Body) -> bool:
    if reader.accept("backup"):
        return reader.accept("yes") or reader.accept("no") or reader.refuse()
    if reader.accept("diststyle"):
        style = reader.name().upper()
        if style not in ("AUTO", "EVEN", "KEY", "ALL"):
            raise RedshiftError("42601", f"unknown DISTSTYLE {style}")
        body.distribution = replace(body.distribution, style=style)
        return True
    if reader.accept("distkey"):
        (key,) = reader.name_list()
        body.distribution = replace(body.distribution, style="KEY", key=key)
        return True
    if reader.accept("encode", "auto"):
        return True
    return _sort_key(reader, body)


def _sort_key(reader: Reader, body: _Body) -> bool:
    style = "INTERLEAVED" if reader.accept("interleaved") else "COMPOUND"
    reader.accept("compound")
    if not reader.accept("sortkey"):
        return False
    keys = () if reader.accept("auto") else reader.name_list()
    body.distribution = replace(body.distribution, sort_keys=keys, sort_style=style)
    return True
