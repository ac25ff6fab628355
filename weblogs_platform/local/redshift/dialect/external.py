"""CREATE EXTERNAL SCHEMA / TABLE and what ALTER TABLE does to external tables, read by hand.

Built: the data catalog, Parquet files, and Delta Lake's manifests (SymlinkTextInputFormat). Other sources, formats,
SerDes and table properties that change what is read are refused with 0A000.
"""

from __future__ import annotations

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.dialect.create_table import parse_type
from weblogs_platform.local.redshift.dialect.external_statements import (
    AddPartitions,
    AlterExternalTable,
    CreateExternalSchema,
    CreateExternalTable,
    DropPartition,
    ExternalColumn,
    Name,
    PartitionValues,
    SetLocation,
    SetTableProperties,
    Storage,
)
from weblogs_platform.local.redshift.dialect.lexer import Kind
from weblogs_platform.local.redshift.dialect.reader import Reader

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
SYMLINK_INPUT = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
SYMLINK_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
# Properties that say something about the data and change nothing in what a query returns.
_PROPERTIES = frozenset(("numRows", "classification", "typeOfData", "EXTERNAL"))
_PSEUDO_COLUMNS = ("$path", "$size", "$spectrum_oid")
_MOST_PARTITIONS = 100  # of one ALTER TABLE, as with the data catalog


def parse_external_schema(reader: Reader) -> CreateExternalSchema:
    """After the words CREATE EXTERNAL SCHEMA. Raises RedshiftError 42601 or 0A000."""
    if_not_exists = reader.accept("if", "not", "exists")
    name = reader.name()
    reader.expect("from")
    if not reader.accept("data", "catalog"):
        raise RedshiftError("0A000", f"CREATE EXTERNAL SCHEMA FROM {reader.name().upper()} is not supported")
    reader.expect("database")
    database = reader.string().lower()
    region = reader.string() if reader.accept("region") else None
    reader.expect("iam_role")
    role = "default" if reader.accept("default") else reader.string()
    if "," in role or role.upper() == "SESSION":
        raise RedshiftError("0A000", "CREATE EXTERNAL SCHEMA takes one IAM role: no chain, no SESSION")
    for option in ("catalog_role", "catalog_id"):
        if reader.is_word(option):
            raise RedshiftError("0A000", f"CREATE EXTERNAL SCHEMA with {option.upper()} is not supported")
    create = reader.accept("create", "external", "database", "if", "not", "exists")
    reader.end()
    return CreateExternalSchema(name, if_not_exists, database, role, create, region)


def parse_external_table(reader: Reader) -> CreateExternalTable:
    """After the words CREATE EXTERNAL TABLE. Raises RedshiftError 42601 or 0A000."""
    name = reader.qualified_name()
    opening = reader.peek()
    if opening is None or opening.value != "(":
        raise RedshiftError("0A000", "CREATE EXTERNAL TABLE AS is not supported: give the columns")
    columns = _columns(reader)
    partitions = _columns(reader) if reader.accept("partitioned", "by") else ()
    check_names(columns + partitions)
    storage = _storage(reader)
    reader.expect("location")
    location = _location(reader)
    properties = _properties(reader) if reader.accept("table", "properties") else ()
    if reader.is_word("as"):
        raise RedshiftError("0A000", "CREATE EXTERNAL TABLE AS is not supported")
    reader.end()
    return CreateExternalTable(name, columns, partitions, storage, location, properties)


def _columns(reader: Reader) -> tuple[ExternalColumn, ...]:
    return reader.listed(lambda: ExternalColumn(reader.name(), parse_type(reader)))


def check_names(columns: tuple[ExternalColumn, ...]) -> None:
    """Raises RedshiftError 42939 for the name of a pseudo column, 42701 for one that comes twice."""
    names = [column.name for column in columns]
    for name in names:
        if name in _PSEUDO_COLUMNS:
            raise RedshiftError("42939", f'"{name}" is the name of a pseudo column')
        if names.count(name) > 1:
            raise RedshiftError("42701", f'column "{name}" specified more than once')


def _storage(reader: Reader) -> Storage:
    serde: str | None = None
    if reader.accept("row", "format"):
        if not reader.accept("serde"):
            raise RedshiftError("0A000", f"ROW FORMAT {reader.name().upper()} is not supported")
        serde = reader.string()
        if serde != PARQUET_SERDE:
            raise RedshiftError("0A000", f"ROW FORMAT SERDE '{serde}' is not supported")
        if reader.accept("with", "serdeproperties"):
            raise RedshiftError("0A000", "SERDEPROPERTIES are not supported")
    reader.expect("stored", "as")
    if reader.accept("parquet"):
        return "parquet"
    if not reader.accept("inputformat"):
        raise RedshiftError("0A000", f"STORED AS {reader.name().upper()} is not supported; PARQUET is")
    formats = (reader.string(), _after(reader, "outputformat"))
    if formats != (SYMLINK_INPUT, SYMLINK_OUTPUT) or serde is None:
        raise RedshiftError(
            "0A000",
            f"INPUTFORMAT '{formats[0]}' is supported as Delta Lake's: {SYMLINK_INPUT}, with its SERDE",
        )
    return "symlink"


def _after(reader: Reader, word: str) -> str:
    reader.expect(word)
    return reader.string()


def _location(reader: Reader) -> str:
    location = reader.string()
    bucket, slash, _ = location.removeprefix("s3://").partition("/")
    if not location.startswith("s3://") or not bucket or not slash:
        raise RedshiftError("42601", f"LOCATION takes 's3://bucket/folder/', not '{location}'")
    return location


def _properties(reader: Reader) -> tuple[tuple[str, str], ...]:
    return reader.listed(lambda: _property(reader))


def _property(reader: Reader) -> tuple[str, str]:
    name = reader.string()
    if name not in _PROPERTIES:
        raise RedshiftError("0A000", f"table property '{name}' is not supported")
    reader.expect_op("=")
    return name, reader.string()


def starts_external(reader: Reader) -> bool:
    """Whether what follows ALTER TABLE name is about an external table."""
    for words in (("add",), ("add", "if", "not", "exists"), ("drop",), ()):
        opening = reader.peek(len(words) + 1)
        if reader.is_word(*words, "partition") and opening is not None and opening.value == "(":
            return True
    return reader.is_word("set")


def parse_alter_external(reader: Reader, table: Name) -> AlterExternalTable:
    """After ALTER TABLE name, where `starts_external` says so."""
    if reader.accept("add"):
        if_not_exists = reader.accept("if", "not", "exists")
        partitions = [_partition_at(reader)]
        while not reader.at_end:
            partitions.append(_partition_at(reader))
        if len(partitions) > _MOST_PARTITIONS:
            raise RedshiftError(
                "54000", f"one ALTER TABLE adds at most {_MOST_PARTITIONS} partitions, not {len(partitions)}"
            )
        return AddPartitions(table, if_not_exists, tuple(partitions))
    if reader.accept("drop"):
        return DropPartition(table, _partition(reader))
    values = None if reader.is_word("set") else _partition(reader)
    reader.expect("set")
    if values is None and reader.accept("table", "properties"):
        return SetTableProperties(table, _properties(reader))
    if not reader.accept("location"):
        raise RedshiftError("0A000", f"ALTER TABLE ... SET {reader.name().upper()} is not supported")
    return SetLocation(table, values, _location(reader))


def _partition_at(reader: Reader) -> tuple[PartitionValues, str]:
    values = _partition(reader)
    reader.expect("location")
    return values, _location(reader)


def _partition(reader: Reader) -> PartitionValues:
    reader.expect("partition")
    return reader.listed(lambda: _partition_value(reader))


def _partition_value(reader: Reader) -> tuple[str, str | None]:
    name = reader.name()
    reader.expect_op("=")
    sign = "-" if reader.accept_op("-") else ""
    token = reader.take()
    if token.kind is Kind.NUMBER:
        return name, sign + token.value
    if token.kind is not Kind.STRING or sign:
        raise RedshiftError("42601", f"the value of partition column {name} must be a string or a number")
    return name, None if token.value == NULL_PARTITION else token.value
