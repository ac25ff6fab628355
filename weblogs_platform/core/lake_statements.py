"""Statements about the lakehouse as Redshift Spectrum sees it: external tables over Delta Lake's manifests.

Redshift documents this way for Delta tables: an external table per Delta table, at its `_symlink_format_manifest`
folder, and a partition per hour, at the folder of that hour's manifest. External DDL takes no parameters, and none of
it runs in a transaction block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.lakehouse import (
    MANIFESTS,
    PARTITIONED_BY,
    PREFIX,
    CopiedColumn,
    copy_name,
    partition_folder,
)
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.statements import quoted

LAKE_SCHEMA = "shopware_lake"
LAKE_DATABASE = "shopware_lake"
"""In the data catalog: what the schema shows."""

MOST_PARTITIONS = 100
"""What one ALTER TABLE adds at most."""

_PLAIN = re.compile(r"[A-Za-z0-9:/._+=,@-]+", re.ASCII)


@dataclass(frozen=True)
class LakeDdl:
    """A statement of `sql/ddl/spectrum` with its places filled in: `${lakehouse}` is the URL of the lakehouse without
    a slash at its end, `${role}` the ARN of the role that reads it."""

    text: str
    lakehouse_url: str
    role_arn: str

    def sql(self) -> str:
        """Raises InvalidName for a URL or role that does not stand in quotes as it is, or a place unknown here."""
        for value in (self.lakehouse_url, self.role_arn):
            if not _PLAIN.fullmatch(value):
                raise InvalidName(f"{value!r} is no URL or role for external tables")
        try:
            return Template(self.text).substitute(lakehouse=self.lakehouse_url, role=self.role_arn)
        except (KeyError, ValueError) as error:
            raise InvalidName(f"sql/ddl/spectrum has a place that nothing fills: {error}") from error


@dataclass(frozen=True)
class LakeTables:
    """The external tables that there are, by name. Parameter: the schema."""

    def sql(self) -> str:
        return "SELECT tablename FROM svv_external_tables WHERE schemaname = %s"


@dataclass(frozen=True)
class LakeColumns:
    """The columns of an external table, in order: name, and type in the data catalog's spelling. Parameters: schema,
    table."""

    def sql(self) -> str:
        return (
            "SELECT columnname, external_type FROM svv_external_columns "
            "WHERE schemaname = %s AND tablename = %s AND part_key = 0 ORDER BY columnnum"
        )


@dataclass(frozen=True)
class AddLakeColumn:
    """A column behind those that the external table has, as in the Delta table. Redshift finds them by name."""

    spec: StreamSpec
    column: CopiedColumn

    def sql(self) -> str:
        return f"ALTER TABLE {LAKE_SCHEMA}.{self.spec.table} ADD COLUMN {self.column.name} {self.column.type.ddl}"


@dataclass(frozen=True)
class CopiedHours:
    """The hours that have rows in the lakehouse, as noted, in order. Parameter: the name of the copy."""

    def sql(self) -> str:
        return (
            "SELECT noted.period_start FROM (SELECT period_start, row_count, ROW_NUMBER() OVER "
            "(PARTITION BY period_start ORDER BY change_no DESC) AS age FROM shopware_ops.refresh_history "
            "WHERE table_name = %s) AS noted WHERE noted.age = 1 AND noted.row_count > 0 ORDER BY 1"
        )


@dataclass(frozen=True)
class LakePartition:
    """A line when the hour is a partition. Parameters: schema, table, URL of the hour's manifests."""

    def sql(self) -> str:
        return (
            "SELECT location FROM svv_external_partitions "
            "WHERE schemaname = %s AND tablename = %s AND location = %s"
        )


@dataclass(frozen=True)
class AddLakePartitions:
    """Makes hours of a stream's Delta table readable; those that are there already stay as they are."""

    spec: StreamSpec
    lakehouse_url: str
    hours: Sequence[LandingHour]

    def sql(self) -> str:
        """Raises InvalidName for no hours, or more than MOST_PARTITIONS."""
        if not 1 <= len(self.hours) <= MOST_PARTITIONS:
            raise InvalidName(f"one statement adds 1 to {MOST_PARTITIONS} partitions, not {len(self.hours)}")
        parts = " ".join(
            f"PARTITION ({_values(hour)}) LOCATION {quoted(manifests_url(self.spec, self.lakehouse_url, hour))}"
            for hour in self.hours
        )
        return f"ALTER TABLE {LAKE_SCHEMA}.{self.spec.table} ADD IF NOT EXISTS {parts}"


@dataclass(frozen=True)
class DropLakePartition:
    """Lets go of an hour, which has to be there."""

    spec: StreamSpec
    hour: LandingHour

    def sql(self) -> str:
        return f"ALTER TABLE {LAKE_SCHEMA}.{self.spec.table} DROP PARTITION ({_values(self.hour)})"


def catalog_type(column: CopiedColumn) -> str:
    """The column's type as the data catalog spells it: Hive's names."""
    named = {"INTEGER": "int", "DOUBLE PRECISION": "double"}
    return named.get(column.type.ddl, column.type.ddl.lower().replace(" ", ""))


def show_anew(spec: StreamSpec) -> str:
    """What to do about an external table that cannot follow its stream."""
    return f"run DROP TABLE {LAKE_SCHEMA}.{spec.table}; and then `weblogs init --lake`"


def copy_anew(spec: StreamSpec) -> str:
    """What to do about a Delta table that cannot follow its stream."""
    return (
        f"Was a newer version of the platform at it? Then run that one. Else have the stream copied anew: delete the "
        f"folder {PREFIX}/{spec.name}/ of the bucket; run DELETE FROM shopware_ops.refresh_history WHERE table_name = "
        f"'{copy_name(spec)}'; and where external tables are, {show_anew(spec)}. The sensor reconcile_lakehouse then "
        "asks for every hour"
    )


def manifests_url(spec: StreamSpec, lakehouse_url: str, hour: LandingHour) -> str:
    """Where the manifest of the hour stands: the location of its partition."""
    return f"{lakehouse_url}/{spec.name}/{MANIFESTS}/{partition_folder(hour)}"


def _values(hour: LandingHour) -> str:
    day, of_day = PARTITIONED_BY
    return f"{day}={quoted(f'{hour.start:%Y-%m-%d}')}, {of_day}={quoted(f'{hour.start:%H}')}"
