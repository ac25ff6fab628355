"""Dates, times and time stamps as COPY reads them: TIMEFORMAT, DATEFORMAT, 'auto' and the epoch keywords.

A reader takes text and returns a value or raises ValueError (what COPY turns into 1205 and 1206). A format that is
not known is refused when the statement starts, never guessed at. Deliberately absent: years before 1 and after 9999
(`BC` among them), time zone names other than UTC, GMT and Z; such values are load errors here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from weblogs_platform.local.redshift.contract import RedshiftError

DEFAULT_DATE = "YYYY-MM-DD"
DEFAULT_TIMESTAMP = "YYYY-MM-DD HH:MI:SS"

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAME = r"(?P<mon>(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?))"
_SECONDS = r"(?P<second>[0-5]\d)(?:\.(?P<fraction>\d{1,6}))?"
_OFFSET = r"(?P<zone>Z|UTC|GMT|[+-]\d{1,2}(?::?\d\d)?)"

# Longest first: a part must not be cut out of a longer one.
_PARTS = {
    "YYYY": r"(?P<year>\d{4})",
    "HH24": r"(?P<hour>[01]?\d|2[0-3])",
    "HH12": r"(?P<hour>0?[1-9]|1[0-2])",
    "MON": _MONTH_NAME,
    "YY": r"(?P<year>\d{2})",
    "MM": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>[01]?\d|2[0-3])",
    "MI": r"(?P<minute>[0-5]\d)",
    "SS": _SECONDS,
    "AM": r"(?P<meridian>(?i:AM|PM))",
    "PM": r"(?P<meridian>(?i:AM|PM))",
}
_FORMAT_TOKEN = re.compile("|".join(_PARTS) + r"|(?P<separator>[-/:., T])")

_AUTO_DATES = (
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})",
    r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})",
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})",
    r"(?P<month>\d{1,2})\.(?P<day>\d{1,2})\.(?P<year>\d{4})",
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)",
    r"(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)",
    r"(?P<year>\d{4})\.(?P<ordinal>\d{3})",
    r"J(?P<julian>\d{1,7})",
    rf"{_MONTH_NAME}-(?P<day>\d{{1,2}})-(?P<year>\d{{4}})",
    rf"(?P<day>\d{{1,2}})[- ]{_MONTH_NAME}[- ](?P<year>\d{{4}})",
)
_AUTO_TIME = (
    rf"(?P<hour>\d{{1,2}}):(?P<minute>[0-5]\d)(?::{_SECONDS})?(?: ?(?P<meridian>(?i:AM|PM)))?",
    r"(?P<hour>\d\d)(?P<minute>[0-5]\d)(?P<second>[0-5]\d)",
)
_AUTO = [
    re.compile(rf"{day}(?:(?:[ ]+|T){clock}(?: ?{_OFFSET})?)?", re.ASCII)
    for day in _AUTO_DATES
    for clock in _AUTO_TIME
] + [
    re.compile(
        rf"(?P<day>\d{{1,2}}) {_MONTH_NAME} (?P<hour>\d\d):(?P<minute>[0-5]\d):{_SECONDS} (?P<year>\d{{4}})(?: {_OFFSET})?",
        re.ASCII,
    )
]
_CLOCK = re.compile(rf"(?P<hour>\d{{1,2}}):(?P<minute>[0-5]\d)(?::{_SECONDS})?(?: ?{_OFFSET})?", re.ASCII)

Moment = tuple[datetime, timedelta | None]  # wall clock, and its offset from UTC where the text gave one


def pattern_of(text: str, option: str) -> re.Pattern[str]:
    """The regular expression of a TIMEFORMAT or DATEFORMAT pattern. Raises RedshiftError 22007 for a part that is
    not known, 0A000 for a time zone."""
    source = ""
    position = 0
    while position < len(text):
        match = _FORMAT_TOKEN.match(text, position)
        if match is None:
            raise RedshiftError("22007", f"COPY: {option} '{text}' is not valid at character {position + 1}")
        position = match.end()
        source += re.escape(match[0]) if match["separator"] else _PARTS[match[0]]
    return _compiled(source, text, option)


def _compiled(source: str, text: str, option: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(source, re.ASCII)
    except re.error as error:
        raise RedshiftError("22007", f"COPY: {option} '{text}' gives one part twice") from error
    if "year" not in pattern.groupindex:
        raise RedshiftError("22007", f"COPY: {option} '{text}' must hold at least a year")
    return pattern


def _default_pattern() -> re.Pattern[str]:
    clock = rf"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d):{_SECONDS}"
    offset = r"(?P<zone>[+-]\d{1,2}(?::?\d\d)?)?"
    return re.compile(
        rf"(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})(?: {clock}{offset})?", re.ASCII
    )


def moment_reader(option_value: str | None, option: str, default: str) -> Callable[[str], Moment]:
    """Reads text under a TIMEFORMAT or DATEFORMAT (None for the default). Raises RedshiftError for a bad format;
    the reader itself raises ValueError for text that does not follow it."""
    if option_value == "auto":
        return _read_auto
    if option == "TIMEFORMAT" and option_value in ("epochsecs", "epochmillisecs"):
        return _epoch_reader(1_000_000 if option_value == "epochsecs" else 1_000)
    if option_value is None or option_value == default:
        pattern = _default_pattern()
    else:
        pattern = pattern_of(option_value, option)

    def read(text: str) -> Moment:
        match = pattern.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return _moment(match)

    return read


def _read_auto(text: str) -> Moment:
    for pattern in _AUTO:
        match = pattern.fullmatch(text)
        if match is not None:
            return _moment(match)
    raise ValueError(text)


def _epoch_reader(microseconds: int) -> Callable[[str], Moment]:
    def read(text: str) -> Moment:
        if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
            raise ValueError(text)
        try:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(text) * microseconds)
        except OverflowError as error:
            raise ValueError(text) from error
        return moment.replace(tzinfo=None), timedelta(0)

    return read


def read_clock(text: str) -> tuple[time, timedelta | None]:
    """A TIME or TIMETZ value: HH:MI[:SS[.ffffff]] with an optional offset."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return _clock(match.groupdict()), _offset(match.groupdict())


def _moment(match: re.Match[str]) -> Moment:
    parts = match.groupdict()
    return datetime.combine(_day(parts), _clock(parts)), _offset(parts)


def _day(parts: dict[str, str | None]) -> date:
    if julian := parts.get("julian"):
        return date.fromordinal(int(julian) - 1_721_425)
    year = _year(parts["year"] or "")
    if ordinal := parts.get("ordinal"):
        day = date(year, 1, 1) + timedelta(days=int(ordinal) - 1)
        if day.year != year:
            raise ValueError(ordinal)
        return day
    name = parts.get("mon")
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(parts.get("month") or 1)
    return date(year, month, int(parts.get("day") or 1))


def _year(text: str) -> int:
    if len(text) == 4:
        return int(text)
    return int(text) + (2000 if int(text) < 70 else 1900)


def _clock(parts: dict[str, str | None]) -> time:
    hour = int(parts.get("hour") or 0)
    meridian = parts.get("meridian")
    if meridian:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + (12 if meridian.upper() == "PM" else 0)
    fraction = (parts.get("fraction") or "").ljust(6, "0")
    return time(hour, int(parts.get("minute") or 0), int(parts.get("second") or 0), int(fraction))


def _offset(parts: dict[str, str | None]) -> timedelta | None:
    zone = parts.get("zone")
    if zone is None:
        return None
    if zone in ("Z", "UTC", "GMT"):
        return timedelta(0)
    digits = zone[1:].replace(":", "")
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    if hours > 15 or minutes > 59:
        raise ValueError(zone)
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
