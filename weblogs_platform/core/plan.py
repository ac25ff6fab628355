"""What a load has to do, from what is listed, reported and already loaded. Pure, so that every case is a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from weblogs_platform.core.errors import HourNotReplaceable
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.report import FileReport, HourReport


@dataclass(frozen=True)
class LoadedFile:
    """One current row of `shopware_ops.load_history`. `rules`: those that its records were judged by. `replayed` and
    `discarded`: what became of its quarantined records since, as their receipts say."""

    key: str
    etag: str
    rules: str
    records: int
    loaded: int
    quarantined: int
    duplicates: int
    replayed: int = 0
    discarded: int = 0

    @property
    def in_table(self) -> int:
        """Rows of the table that came from the object."""
        return self.loaded + self.replayed

    @property
    def in_quarantine(self) -> int:
        """Its records that still are in quarantine."""
        return self.quarantined - self.replayed - self.discarded


@dataclass(frozen=True)
class LoadPlan:
    """`append` loads `files` beside what is there; `replace` deletes the hour's rows first."""

    action: Literal["nothing", "append", "replace"]
    files: tuple[FileReport, ...] = ()
    rewritten: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    unreported: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that COPY has to load."""
        return sum(f.good for f in self.files)


def differs(
    *, listed: Sequence[LandingObject], loaded: Sequence[LoadedFile], on_vanished: Literal["keep", "replace"]
) -> bool:
    """Whether a load would change anything: an object is new, rewritten or (where that counts) has vanished."""
    now = {o.identity for o in listed}
    before = {(f.key, f.etag) for f in loaded}
    return bool(now - before) or (on_vanished == "replace" and bool(before - now))


def plan_load(
    *,
    listed: Sequence[LandingObject],
    report: HourReport,
    loaded: Sequence[LoadedFile],
    on_vanished: Literal["keep", "replace"],
) -> LoadPlan:
    """Compares the listing with the ledger.

    A listed object that the report does not know yet (it arrived in between) waits for the next run. A loaded
    object that is no longer listed has vanished: with `keep` its rows stay (landing objects expire), unless
    another object was rewritten, which needs the whole hour again: HourNotReplaceable.
    """
    reported = {f.source.identity: f for f in report.files}
    now = {o.key: o for o in listed}
    before = {f.key: f for f in loaded}
    unreported = tuple(sorted(o.key for o in listed if o.identity not in reported))
    ready = [reported[o.identity] for o in listed if o.identity in reported]
    vanished = tuple(sorted(before.keys() - now.keys()))
    rewritten = tuple(
        sorted(
            f.source.key
            for f in ready
            if f.source.key in before and before[f.source.key].etag != f.source.etag
        )
    )
    rest = {"rewritten": rewritten, "vanished": vanished, "unreported": unreported}
    if rewritten or (vanished and on_vanished == "replace"):
        _refuse_to_lose_rows(rewritten, vanished, unreported, before, on_vanished)
        return LoadPlan("replace", tuple(ready), **rest)
    new = tuple(f for f in ready if f.source.key not in before)
    return LoadPlan("append" if new else "nothing", new, **rest)


def _refuse_to_lose_rows(
    rewritten: tuple[str, ...],
    vanished: tuple[str, ...],
    unreported: tuple[str, ...],
    before: dict[str, LoadedFile],
    on_vanished: str,
) -> None:
    if vanished and on_vanished == "keep":
        raise HourNotReplaceable(
            f"{rewritten[0]!r} was rewritten, but {vanished[0]!r}, which is loaded, is gone from landing: replacing "
            "the hour would lose its rows. Restore that object, or declare on_vanished='replace' for the stream."
        )
    lost = [key for key in unreported if key in before]
    if lost:
        raise HourNotReplaceable(
            f"{lost[0]!r} is loaded and was rewritten again after validation: materialize `validated` again."
        )
