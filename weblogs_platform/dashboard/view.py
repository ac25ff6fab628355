"""What the address bar asks of a page, and what of it can be shown. Pure: no Streamlit, no database.

    ?from=2026-11-16&to=2026-11-22&browser=Edge&rows=1

Days are UTC and both are shown. Whatever else stands there is refused by name, never by value: an address may have
been written by anybody. A choice that parses is still only a value to be bound, and is held against the data.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

FROM, TO, ROWS = "from", "to", "rows"
MOST_DAYS = 366
DEFAULT_DAYS = 7
HOURLY_UP_TO_DAYS = 3
MOST_VALUES = 5
"""Of one name, e.g. stores to compare."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EARLIEST, _LATEST = date(2000, 1, 1), date(2100, 1, 1)
_LONGEST_BYTES = 255


@dataclass(frozen=True)
class Span:
    """The first and the last day that have data."""

    first: date
    last: date

    def newest(self, days: int = DEFAULT_DAYS) -> Dates:
        """The last days up to the newest one with data."""
        earliest = max(self.first, _EARLIEST)
        return Dates(max(earliest, self.last - timedelta(days=days - 1)), self.last)


@dataclass(frozen=True)
class Dates:
    """Days to show, from the first to the last of them."""

    first: date
    last: date
    daily: bool = False

    @property
    def start(self) -> datetime:
        """UTC, without a time zone, as the warehouse keeps it."""
        return datetime.combine(self.first, time())

    @property
    def until(self) -> datetime:
        """The first moment after the last day."""
        return datetime.combine(self.last + timedelta(days=1), time())

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def hourly(self) -> bool:
        """Whether they are few enough to show hours."""
        return not self.daily and self.days <= HOURLY_UP_TO_DAYS

    def by_day(self) -> Dates:
        """The same days, for figures that there are by day only."""
        return replace(self, daily=True)

    @property
    def text(self) -> str:
        return f"{self.first:%-d %b %Y}" + ("" if self.days == 1 else f" to {self.last:%-d %b %Y}")


@dataclass(frozen=True)
class Asked:
    """What the address asks for. `refused` names what was not understood."""

    first: date | None = None
    last: date | None = None
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rows: bool = False
    refused: tuple[str, ...] = ()

    def one(self, name: str) -> str:
        """The value of a name; empty when there is none."""
        return next(iter(self.choices.get(name, ())), "")


def parse(query: Mapping[str, Sequence[str]], names: Iterable[str]) -> Asked:
    """Reads an address of which `names` are the page's own filters. Never raises; other names are ignored."""
    refused: list[str] = []
    days = {name: _date(query[name], name, refused) for name in (FROM, TO) if query.get(name)}
    choices = {name: _values(query[name], name, refused) for name in names if query.get(name)}
    return Asked(
        first=days.get(FROM),
        last=days.get(TO),
        choices={name: values for name, values in choices.items() if values},
        rows=list(query.get(ROWS, ())) == ["1"],
        refused=tuple(refused),
    )


def resolve(asked: Asked, span: Span) -> tuple[Dates, list[str]]:
    """The days to show, and what to say about them: the newest seven with data unless others are asked for."""
    if asked.first is None and asked.last is None:
        return span.newest(), []
    last = asked.last or max(span.last, asked.first or span.last)
    first = asked.first or last - timedelta(days=DEFAULT_DAYS - 1)
    notes: list[str] = []
    if first > last:
        first, last = last, first
        notes.append("The first day came after the last one: they are exchanged.")
    if (last - first).days >= MOST_DAYS:
        first = last - timedelta(days=MOST_DAYS - 1)
        notes.append(f"More than {MOST_DAYS} days were asked for: these are the last {MOST_DAYS} of them.")
    return Dates(max(first, _EARLIEST), last), notes


def address(asked: Asked, dates: Dates | None) -> dict[str, list[str]]:
    """The address that asks for this again; `parse` reads it back."""
    days = {FROM: [dates.first.isoformat()], TO: [dates.last.isoformat()]} if dates else {}
    choices = {name: list(values) for name, values in asked.choices.items()}
    return {**days, **choices, **({ROWS: ["1"]} if asked.rows else {})}


def today() -> date:
    return datetime.now(UTC).date()


def _date(texts: Sequence[str], name: str, refused: list[str]) -> date | None:
    try:
        if len(texts) == 1 and _DATE.fullmatch(texts[0]):
            found = date.fromisoformat(texts[0])
            if _EARLIEST <= found < _LATEST:
                return found
    except ValueError:
        pass
    refused.append(name)
    return None


def _values(texts: Sequence[str], name: str, refused: list[str]) -> tuple[str, ...]:
    good = tuple(dict.fromkeys(text for text in texts if _is_plain(text)))
    if len(good) < len(texts) or len(good) > MOST_VALUES:
        refused.append(name)
    return good[:MOST_VALUES]


def _is_plain(text: str) -> bool:
    """Whether a value of the data can be so: what steers a terminal, or is half a character, is none."""
    steers = any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
    return bool(text) and not steers and len(text.encode("utf-8", "replace")) <= _LONGEST_BYTES
