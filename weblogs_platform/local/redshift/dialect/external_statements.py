"""The statements about external schemas and tables, as values. Partition values are texts; None is Hive's null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from weblogs_platform.local.redshift.datatypes import DeclaredType

Name = tuple[str | None, str]
Storage = Literal["parquet", "symlink"]
PartitionValues = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class CreateExternalSchema:
    """CREATE EXTERNAL SCHEMA ... FROM DATA CATALOG; `role` is an ARN or `default`."""

    name: str
    if_not_exists: bool
    database: str
    role: str
    create_database: bool
    region: str | None


@dataclass(frozen=True)
class ExternalColumn:
    """A column of an external table."""

    name: str
    type: DeclaredType


@dataclass(frozen=True)
class CreateExternalTable:
    """CREATE EXTERNAL TABLE. `storage` says what stands at `location`: Parquet files, or manifests that name them."""

    name: Name
    columns: tuple[ExternalColumn, ...]
    partitions: tuple[ExternalColumn, ...]
    storage: Storage
    location: str
    properties: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AddPartitions:
    """ALTER TABLE ... ADD [IF NOT EXISTS] PARTITION (...) LOCATION '...' [PARTITION ...]."""

    table: Name
    if_not_exists: bool
    partitions: tuple[tuple[PartitionValues, str], ...]


@dataclass(frozen=True)
class DropPartition:
    """ALTER TABLE ... DROP PARTITION (...)."""

    table: Name
    values: PartitionValues


@dataclass(frozen=True)
class SetLocation:
    """ALTER TABLE ... [PARTITION (...)] SET LOCATION; `values` is None for the table's own."""

    table: Name
    values: PartitionValues | None
    location: str


@dataclass(frozen=True)
class SetTableProperties:
    """ALTER TABLE ... SET TABLE PROPERTIES: recorded, without effect."""

    table: Name
    properties: tuple[tuple[str, str], ...]


ExternalDdl = (
    CreateExternalSchema
    | CreateExternalTable
    | AddPartitions
    | DropPartition
    | SetLocation
    | SetTableProperties
)
AlterExternalTable = AddPartitions | DropPartition | SetLocation | SetTableProperties
EXTERNAL_DDL: tuple[type, ...] = get_args(ExternalDdl)
