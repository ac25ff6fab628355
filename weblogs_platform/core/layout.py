"""How landing objects are named under a source's prefix, and which hour and time of delivery their names say.

Every layout answers the same questions, so that listing an hour or a day needs to know only the spec. A key that
does not fit its layout belongs to no hour: it is a stray, named as such and left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour


@dataclass(frozen=True)
class HourFolders:
    """`<prefix>/YYYY/MM/DD/HH/<any name>`, as Firehose delivers."""

    def hour_prefix(self, prefix: str, hour: LandingHour) -> str:
        """The S3 prefix of one hour's objects."""
        return f"{prefix}/{hour.path}/"

    def day_prefix(self, prefix: str, day: date) -> str:
        """The S3 prefix of one day's objects."""
        return f"{prefix}/{day:%Y/%m/%d}/"

    def hour_of(self, prefix: str, key: str) -> LandingHour | None:
        """The hour that the key says, None for a stray."""
        path = _below(prefix, key)[: len("YYYY/MM/DD/HH/")]
        try:
            return LandingHour.from_path(path.removesuffix("/")) if path.endswith("/") else None
        except InvalidName:
            return None

    def delivered_at(self, prefix: str, key: str) -> datetime | None:
        """The hour's beginning, UTC: these names say no more."""
        hour = self.hour_of(prefix, key)
        return hour.start if hour else None

    def example(self, prefix: str) -> str:
        """What a key looks like, for people."""
        return f"{prefix}/YYYY/MM/DD/HH/"


@dataclass(frozen=True)
class DatedNames:
    """`<prefix>/<stem>_YYYYMMDD_HHMMSS.<suffix>`, the time of delivery in UTC; `.gz` may follow."""

    stem: str
    suffix: str

    def hour_prefix(self, prefix: str, hour: LandingHour) -> str:
        return f"{prefix}/{self.stem}_{hour.start:%Y%m%d_%H}"

    def day_prefix(self, prefix: str, day: date) -> str:
        return f"{prefix}/{self.stem}_{day:%Y%m%d}_"

    def hour_of(self, prefix: str, key: str) -> LandingHour | None:
        delivered_at = self.delivered_at(prefix, key)
        return LandingHour.containing(delivered_at) if delivered_at else None

    def delivered_at(self, prefix: str, key: str) -> datetime | None:
        """The time in the name, UTC, to the second; None for a stray."""
        match = self._name.fullmatch(_below(prefix, key))
        try:
            return datetime(*(int(part) for part in match.groups()), tzinfo=UTC) if match else None
        except ValueError:  # such as the 31st of February
            return None

    def example(self, prefix: str) -> str:
        return f"{prefix}/{self.stem}_YYYYMMDD_HHMMSS.{self.suffix}"

    @cached_property
    def _name(self) -> re.Pattern[str]:
        digits = r"(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)"
        return re.compile(rf"{re.escape(self.stem)}_{digits}\.{re.escape(self.suffix)}(?:\.gz)?", re.ASCII)


Layout = HourFolders | DatedNames


def _below(prefix: str, key: str) -> str:
    """What of the key comes after the prefix; nothing when it stands elsewhere."""
    head, _, rest = key.partition(f"{prefix}/")
    return "" if head else rest
