"""What a load has to do, from what is listed, reported and already loaded. Pure, so that every case is a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from weblogs_platform.core.errors import HourNotReplaceable
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.report import FileReport, HourReport
from weblogs_platform.core.spec import OnRewritten, OnVanished


@dataclass(frozen=True)
class LoadedFile:
    """One current row of `shopware_ops.load_history`. `rules`: those that its records were judged by. `replayed` and
    `discarded`: what became of its quarantined records since, as their receipts say. `noted_etag`: a later version of
    the object that was seen and not loaded (`on_rewritten`)."""

    key: str
    etag: str
    rules: str
    records: int
    loaded: int
    quarantined: int
    duplicates: int
    replayed: int = 0
    discarded: int = 0
    noted_etag: str | None = None

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
    """`append` loads `files` beside what is there; `replace` deletes the hour's rows first. `left_out`: listed versions
    that the policy `on_rewritten` does not load."""

    action: Literal["nothing", "append", "replace"]
    files: tuple[FileReport, ...] = ()
    rewritten: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    unreported: tuple[str, ...] = ()
    left_out: tuple[LandingObject, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that COPY has to load."""
        return sum(f.good for f in self.files)


def differs(
    *,
    listed: Sequence[LandingObject],
    loaded: Sequence[LoadedFile],
    on_vanished: OnVanished,
    on_rewritten: OnRewritten = "replace",
) -> bool:
    """Whether a load would change anything: an object is new, rewritten (and that counts, or is not noted yet) or,
    where that counts, has vanished."""
    left_out = versions_left_out(listed, loaded, on_rewritten)
    now = {o.identity for o in listed} - {o.identity for o in left_out}
    before = {(f.key, f.etag) for f in loaded}
    vanished = {f.key for f in loaded} - {o.key for o in listed}
    notes_differ = on_rewritten != "replace" and bool(notes_to_write(listed, loaded, left_out))
    return bool(now - before) or notes_differ or (on_vanished == "replace" and bool(vanished))


def versions_left_out(
    listed: Sequence[LandingObject], loaded: Sequence[LoadedFile], on_rewritten: OnRewritten
) -> tuple[LandingObject, ...]:
    """Listed objects of which another version is loaded, and stays."""
    before = {f.key: f.etag for f in loaded} if on_rewritten != "replace" else {}
    return tuple(o for o in listed if before.get(o.key, o.etag) != o.etag)


def notes_to_write(
    listed: Sequence[LandingObject], loaded: Sequence[LoadedFile], left_out: Sequence[LandingObject]
) -> dict[str, str | None]:
    """Keys whose note is not what it should be, with the ETag to note; None where a note is to go, because the
    loaded version is back. The note of an object that has vanished stays."""
    wanted = {o.key: o.etag for o in left_out}
    noted = {f.key: f.noted_etag for f in loaded if f.noted_etag}
    keys = sorted(wanted.keys() | (noted.keys() & {o.key for o in listed}))
    return {key: wanted.get(key) for key in keys if wanted.get(key) != noted.get(key)}


def plan_load(
    *,
    listed: Sequence[LandingObject],
    report: HourReport,
    loaded: Sequence[LoadedFile],
    on_vanished: OnVanished,
    on_rewritten: OnRewritten = "replace",
) -> LoadPlan:
    """Compares the listing with the ledger.

    A listed object that the report does not know yet (it arrived in between) waits for the next run. A loaded
    object that is no longer listed has vanished: with `keep` its rows stay (landing objects expire), unless
    another object was rewritten, which needs the whole hour again: HourNotReplaceable. Unless `on_rewritten` is
    `replace`, the loaded version of a rewritten object stays, and the new one is left out.
    """
    left_out = versions_left_out(listed, loaded, on_rewritten)
    if left_out:
        ignored = {o.key for o in left_out}
        kept = plan_load(
            listed=[o for o in listed if o.key not in ignored],
            report=report,
            loaded=[f for f in loaded if f.key not in ignored],
            on_vanished=on_vanished,
        )
        return replace(kept, left_out=left_out)
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
    idle = LoadPlan("nothing", rewritten=rewritten, vanished=vanished, unreported=unreported)
    if rewritten or (vanished and on_vanished == "replace"):
        _refuse_to_lose_rows(rewritten, vanished, unreported, before, on_vanished)
        return replace(idle, action="replace", files=tuple(ready))
    new = tuple(f for f in ready if f.source.key not in before)
    return replace(idle, action="append", files=new) if new else idle


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
