"""`kill -9` of loads of streams with other policies: duplicates are dropped, rewritten objects are left out and noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.faults import kills
from tests.faults.laboratory import Contents, Hour, Laboratory
from tests.faults.oracle import Delivery
from tests.faults.report import Report
from tests.faults.worker import Job

DROPPING = "kill -9 of a load that drops duplicates, at each place of the load"
IGNORING = "kill -9 of a load that leaves rewritten objects out, at each place of the load"


@dataclass
class DroppingHour(Hour):
    """Every object repeats records of its own and of an earlier one; each is to be there once, counted for the object
    that was loaded first. `rounds`: in which load each object comes."""

    parts: list[Delivery] = field(default_factory=list)
    rounds: dict[str, int] = field(default_factory=dict)

    def deliver(self, **how: Any) -> Delivery:
        traffic = self.laboratory.traffic
        made = traffic.delivery(self.stream, self.start, **{**how, "zipped": False})
        part = traffic.delivery(self.stream, self.start, zipped=False, bad_share=0)
        repeated = [part, part, traffic.chance.choice([*self.parts, part])]
        self.parts.append(part)
        body = b"\n".join([made.body, *(one.body for one in repeated)])
        whole = replace(made, body=body, rows=made.rows + tuple(row for one in repeated for row in one.rows))
        if whole.key in self.objects:  # then the hour is loaded anew
            self.rounds = dict.fromkeys(self.rounds, 0)
        else:
            self.rounds[whole.key] = max(self.rounds.values(), default=0) + 1
        self.put(whole)
        return whole

    def job(self, **how: Any) -> Job:
        return super().job(policy=(("duplicates", "drop"), ("duplicate_window_hours", 0)), **how)

    @property
    def expected(self) -> Contents:
        contents = Contents()
        for key in sorted(self.objects, key=lambda key: (self.rounds[key], key)):
            made, etag = self.objects[key]
            fresh = set(made.rows) - contents.rows.keys()
            contents.rows.update(fresh)
            contents.quarantine.update(made.bad)
            contents.ledger[key, etag, len(fresh), len(made.bad)] += 1
        return contents


@dataclass
class IgnoringHour(Hour):
    """A rewritten object stays as it was loaded, and the version that was left out is noted. Another object comes with
    it, so that one load does both."""

    left_out: dict[str, str] = field(default_factory=dict)

    def deliver(self, **how: Any) -> Delivery:
        if "key" in how:
            super().deliver()
        return super().deliver(**how)

    def put(self, made: Delivery) -> None:
        loaded: Mapping[str, Any] = dict(self.objects)
        super().put(made)
        if made.key in loaded:
            self.left_out[made.key] = self.objects[made.key][1]
            self.objects[made.key] = loaded[made.key]

    def job(self, **how: Any) -> Job:
        policy = "alert" if self.stream == "pos" else "ignore"
        return super().job(policy=(("on_rewritten", policy),), **how)

    @property
    def expected(self) -> Contents:
        contents = super().expected
        contents.notes.update(self.left_out.items())
        return contents


_POLICIES: tuple[tuple[str, str, type[Hour]], ...] = (
    (DROPPING, "web_logs", DroppingHour),
    (IGNORING, "web_logs", IgnoringHour),
    (IGNORING, "pos", IgnoringHour),
)


def at_every_place(lab: Laboratory, report: Report, *, every: int = 1) -> None:
    """Of loads under each policy."""
    for fault, stream, kind in _POLICIES:
        kills.at_every_place(lab, report, stream, every=every, fault=fault, kind=kind, steps="load:")


def at_their_own_places(lab: Laboratory, report: Report) -> None:
    """Where only these policies come, a few."""
    for fault, kind, places in (
        (DROPPING, DroppingHour, ("load:gathered*2", "load:fresh_staged")),
        (IGNORING, IgnoringHour, ("load:note_forgotten", "load:noted")),
    ):
        hour = lab.hour("web_logs", 2, kind=kind)
        if kind is IgnoringHour:
            hour.bring_home()
        kills.at_places(hour, report, places, rewrites=kind is IgnoringHour, fault=fault)
