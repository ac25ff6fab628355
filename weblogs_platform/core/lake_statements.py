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
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.statements import quoted

LAKE_SCHEMA = "shopware_lake"
LAKEHOUSE_PREFIX = "lakehouse"
"""Below it in the bucket there is a Delta table for each stream, in a folder of its name."""

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
class AddLakePartitions:
    """Makes hours of a stream's Delta table readable; those that are there already stay as they are."""

    spec: StreamSpec
    lakehouse_url: str
    hours: Sequence[LandingHour]

    def sql(self) -> str:
        """Raises InvalidName for no hours, or more than MOST_PARTITIONS."""
        if not 1 <= len(self.hours) <= MOST_PARTITIONS:
            raise InvalidName(f"one statement adds 1 to {MOST_PARTITIONS} partitions, not {len(self.hours)}")
        parts = " ".join(self._partition(hour) for hour in self.hours)
        return f"ALTER TABLE {LAKE_SCHEMA}.{self.spec.table} ADD IF NOT EXISTS {parts}"

    def _partition(self, hour: LandingHour) -> str:
        date, hour_of_day = f"{hour.start:%Y-%m-%d}", f"{hour.start:%H}"
        folder = f"landing_date={date}/landing_hour_of_day={hour_of_day}"
        location = f"{self.lakehouse_url}/{self.spec.name}/_symlink_format_manifest/{folder}"
        values = f"landing_date={quoted(date)}, landing_hour_of_day={quoted(hour_of_day)}"
        return f"PARTITION ({values}) LOCATION {quoted(location)}"
