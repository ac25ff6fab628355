"""When people are told, and in which words: what runs say about a subject, folded into what was told before. Pure.

A subject is a step of a run, or a check, of one partition. It is told of when it comes to trouble, and not again at the
next run that finds the same, unless it was well in between or QUIET has passed. What has come and gone between two
looks is recorded and not told. Subjects of one kind are told in one message, so that a bad day is not a hundred.

Values of records are deliberately absent: reasons come without what stands in quotes, of errors that nobody foresaw only
the type is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from weblogs_platform.core.errors import one_line

QUIET = timedelta(hours=24)
"""The same trouble is told again after this long, when a run finds it again."""

RUN, STORE = "run", "warehouse"
"""The kinds that are no check's name: a run that failed; the warehouse that keeps what was told."""

LONGEST_REASON = 300
_LONGEST_NAME = 120

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_ADDRESS = re.compile(r"\S+@\S+")
_UNEXPECTED = re.compile(r"unexpected (\w+): .*", re.DOTALL)

Subject = tuple[str, str, str]
"""Kind, what it is about, partition."""


@dataclass(frozen=True)
class Signal:
    """What a finished run says about a subject at a moment (UTC). trouble: why it is not well; None: it is.

    kind: RUN, or a check's name. about: the step (or job), or the asset that the check is of. partition: may be empty.
    """

    kind: str
    about: str
    partition: str
    at: datetime
    trouble: str | None
    run_id: str

    @property
    def subject(self) -> Subject:
        return (self.kind, self.about, self.partition)


@dataclass(frozen=True)
class Trouble:
    """A line of `shopware_ops.alerts`. waiting: channels that have still to take the message."""

    kind: str
    about: str
    partition: str
    summary: str
    run_id: str
    times: int
    first_at: datetime
    last_at: datetime
    announced_at: datetime | None = None
    waiting: tuple[str, ...] = ()
    well_at: datetime | None = None

    @property
    def subject(self) -> Subject:
        return (self.kind, self.about, self.partition)


def fold(
    known: Mapping[Subject, Trouble], signals: Iterable[Signal], now: datetime, channels: tuple[str, ...]
) -> dict[Subject, Trouble]:
    """The lines that change. Those with `announced_at == now` are to be told, to the channels that they wait for.

    Signals that are not newer than what is known change nothing, so that reading a run twice is harmless.
    """
    changed: dict[Subject, Trouble] = {}
    for signal in sorted(signals, key=lambda signal: signal.at):
        before = changed.get(signal.subject) or known.get(signal.subject)
        after = _next(before, signal)
        if after is not None:
            changed[signal.subject] = after
    return {subject: _told(trouble, now, channels) for subject, trouble in changed.items()}


def _next(before: Trouble | None, signal: Signal) -> Trouble | None:
    if before is not None and signal.at <= before.last_at:
        return None
    is_open = before is not None and before.well_at is None
    if signal.trouble is None:
        return (
            replace(before, last_at=signal.at, well_at=signal.at, waiting=()) if before and is_open else None
        )
    if before and is_open:
        times = before.times + 1
        return replace(before, summary=signal.trouble, run_id=signal.run_id, times=times, last_at=signal.at)
    return Trouble(*signal.subject, signal.trouble, signal.run_id, 1, signal.at, signal.at)


def _told(trouble: Trouble, now: datetime, channels: tuple[str, ...]) -> Trouble:
    is_quiet = trouble.announced_at is not None and now - trouble.announced_at < QUIET
    if trouble.well_at is not None or is_quiet:
        return trouble
    return replace(trouble, announced_at=now, waiting=channels)


@dataclass(frozen=True)
class Alert:
    """One message: troubles of one kind about one thing, in the order of their partitions."""

    troubles: tuple[Trouble, ...]

    @property
    def first(self) -> Trouble:
        return self.troubles[0]

    @property
    def where(self) -> str:
        """What it is about, named by the asset or step."""
        return self.first.about

    @property
    def partitions(self) -> str:
        """The partitions in words: one, or how many from when to when."""
        keys = [t.partition for t in self.troubles if t.partition]
        if len(keys) < 2:
            return "".join(keys)
        return f"{len(keys)} partitions, {keys[0]} to {keys[-1]}"

    @property
    def what(self) -> str:
        return _WHAT.get(self.first.kind, f"check {self.first.kind} failed")

    @property
    def detail(self) -> str:
        """Why, with its counts; of several reasons the first."""
        reasons = list(dict.fromkeys(t.summary for t in self.troubles))
        more = f" (and {len(reasons) - 1} other reasons)" if len(reasons) > 1 else ""
        again = max(t.times for t in self.troubles)
        return f"{reasons[0]}{more}" + (f"; found {again} times" if again > 1 else "")

    @property
    def what_to_do(self) -> str:
        return _TO_DO.get(self.first.kind, _LOOK_AT_CHECK)

    @property
    def text(self) -> str:
        """The message in one line."""
        of = f" of {self.partitions}" if self.partitions else ""
        return f"{self.what}: {self.where}{of}: {self.detail}"

    def link(self, dagster_url: str | None) -> str | None:
        """The page in Dagster's UI: the run, or the check."""
        if dagster_url is None:
            return None
        if self.first.kind in {RUN, STORE}:
            return f"{dagster_url}/runs/{self.first.run_id}"
        kind, about = quote(self.first.kind, safe=""), quote(self.where)
        return f"{dagster_url}/assets/{about}?view=checks&checkDetail={kind}"


def alerts_of(troubles: Iterable[Trouble]) -> list[Alert]:
    """The messages that tell of these, in a fixed order."""
    groups: dict[tuple[str, str], list[Trouble]] = {}
    for trouble in sorted(troubles, key=lambda t: t.subject):
        groups.setdefault((trouble.kind, trouble.about), []).append(trouble)
    return [Alert(tuple(group)) for group in groups.values()]


def without_values(text: str) -> str:
    """The first line without anything that may be a value of a record: quotes, addresses, unexpected errors."""
    line = next(iter(text.splitlines()), "")
    line = _UNEXPECTED.sub(r"unexpected \1", line)
    line = one_line(_ADDRESS.sub("...", _QUOTED.sub("'...'", line)))
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 3]}..."


def short_name(text: str) -> str:
    """A name that fits its column, in one line."""
    return one_line(text)[:_LONGEST_NAME]


_WHAT = {
    RUN: "run failed",
    "conservation": "conservation gap",
    "invalid_share_within_threshold": "invalid share over the threshold",
    STORE: "warehouse out of reach",
}
_LOOK_AT_CHECK = "Open the check in Dagster: its numbers and places say what differs. Mend that, then materialize the partition again."
_TO_DO = {
    RUN: "Open the run in Dagster: its error says what to change. Sensors try again by themselves, a few times; after "
    "that, materialize the partitions again.",
    "conservation": "Records of the hour are unaccounted for. `weblogs verify` says where; keep the hour's objects, and "
    "materialize the hour again.",
    "invalid_share_within_threshold": "The hour is not loaded. The check names reasons and places: mend the producer, or "
    "the stream's spec and its threshold, then materialize the hour again.",
    STORE: "Nothing loads, and no other alert is told, until it answers: see that Redshift runs, that its settings are "
    "right, and that `weblogs init` was run. What failed meanwhile is told then.",
}
