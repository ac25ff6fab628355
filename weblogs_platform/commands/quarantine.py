"""`weblogs quarantine`: what is in quarantine, and its two ways out: replayed, or discarded by name.

Values of records are printed and written only with --raw.
"""

from __future__ import annotations

import os
import stat
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from weblogs_platform.commands.load import HourArgument
from weblogs_platform.core.errors import InvalidDocument, InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.quarantine import (
    MAX_EDITED_BYTES,
    Edit,
    Entry,
    Place,
    Selection,
    export_line,
    read_edits,
)
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.streams import STREAMS, stream_named

if TYPE_CHECKING:
    from weblogs_platform.clients.lake import Lake
    from weblogs_platform.clients.warehouse import Warehouse
    from weblogs_platform.pipeline.quarantine import QuarantinedFile
    from weblogs_platform.pipeline.replay import ReplayOutcome

Command = Callable[..., Any]

_STREAM = click.Choice([spec.name for spec in STREAMS])


@dataclass(frozen=True)
class Scope:
    """What a command looks at: a stream, its landing hours in [first, end), and which of their entries."""

    lake: Lake
    warehouse: Warehouse
    spec: StreamSpec
    first: LandingHour
    end: LandingHour
    selection: Selection

    def files(self) -> list[QuarantinedFile]:
        from weblogs_platform.pipeline.quarantine import quarantined_files

        return quarantined_files(self.warehouse, self.spec, self.first, self.end)

    def hours(self) -> list[LandingHour]:
        """Those that have something open."""
        return sorted({file.hour for file in self.files() if file.open})

    def entries(self) -> Iterator[tuple[QuarantinedFile, Entry]]:
        from weblogs_platform.pipeline.quarantine import open_entries

        for file in self.files():
            yield from ((file, e) for e in open_entries(self.lake, file) if self.selection.has(e))


def _scoped(command: Command) -> Command:
    """The options that say which records."""
    for option in (
        click.option("--reason", "reasons", multiple=True, help="null_required:user_id, or null_required."),
        click.option("--to", "end", type=HourArgument(), help="The landing hour after the last one."),
        click.option("--from", "first", type=HourArgument(), help="First landing hour (UTC), 2025-07-20T10."),
        click.option("--stream", type=_STREAM, required=True, help="The stream."),
    ):
        command = option(command)
    return command


@click.group()
def quarantine() -> None:
    """See, repair and replay quarantined records.

    A record is known by its object, ETag and byte offset. Without --from and --to all landing hours are meant.
    """


@quarantine.command("list")
@_scoped
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Records to show.")
def list_records(limit: int, **scope: Any) -> None:
    """Open records by place, with their reasons."""
    found = list(islice(_scope(**scope).entries(), limit + 1))
    for file, entry in found[:limit]:
        click.echo(f"{file.hour.partition_key}  {_place(entry.place)}  {', '.join(entry.reasons)}")
    if len(found) > limit:
        click.echo(f"... and more: --limit is {limit}", err=True)
    if not found:
        click.echo(
            "nothing is in quarantine there; of an hour that is held back nothing is until it loads (`weblogs verify` names it)",
            err=True,
        )


@quarantine.command()
@click.option("--stream", type=_STREAM, required=True, help="The stream.")
@click.option("--object", "key", required=True, metavar="KEY", help="The landing object's key.")
@click.option("--offset", required=True, type=click.IntRange(0), help="The record's byte offset.")
@click.option("--raw", is_flag=True, help="The record's bytes too, as they stand in quarantine.")
def show(stream: str, key: str, offset: int, raw: bool) -> None:
    """One record: where it stands, why it is bad, since when, and what became of it."""
    from weblogs_platform.pipeline.quarantine import entries

    spec = stream_named(stream)
    hour = spec.landing_hour_of(key)
    if hour is None:
        raise InvalidName(f"{key!r} is not an object of {stream}")
    scope = _scope(stream=stream, first=hour, end=hour.plus(1))
    for file in scope.files():
        for entry in entries(scope.lake, file) if file.key == key else ():
            if entry.place.offset == offset:
                _print_entry(file, entry)
                if raw:
                    _print_raw(scope.lake, entry)
                return
    raise InvalidName(f"{key!r} has no quarantined record at offset {offset}")


@quarantine.command()
@_scoped
def stats(**scope: Any) -> None:
    """By landing day: open records by reason and age, and how many were replayed and discarded."""
    from weblogs_platform.pipeline.quarantine import stats_of

    looked_at = _scope(**scope)
    by_day = groupby(looked_at.files(), key=lambda file: f"{file.hour.start:%Y-%m-%d}")
    for day, files in by_day:
        found = stats_of(looked_at.lake, files, looked_at.selection)
        since = f", the oldest since {found.oldest:%Y-%m-%d %H:%M} UTC" if found.oldest else ""
        click.echo(
            f"{day}  {found.open:,} open{since}; {found.replayed:,} replayed, {found.discarded:,} discarded"
        )
        for reason, count in found.reasons.items():
            click.echo(f"  {count:,} {reason}")


@quarantine.command()
@_scoped
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; else standard output."
)
@click.option("--raw", is_flag=True, help="The records' bytes too, to be edited and given back to `replay`.")
def export(output: Path | None, raw: bool, **scope: Any) -> None:
    """Open records as JSON lines."""
    looked_at = _scope(**scope)
    count = 0
    with _opened(output) as file:
        for found, entry in looked_at.entries():
            seen, run = found.first_seen, found.first_run
            file.write(export_line(entry, looked_at.spec, found.hour, seen=seen, run=run, raw=raw) + "\n")
            count += 1
    click.echo(f"{count} records", err=True)


@quarantine.command()
@_scoped
@click.option("--repair", "repair_name", help="Repair them first, by one of weblogs_platform/repairs.")
@click.option(
    "--edited",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An edited export: its records, as they stand there.",
)
@click.option("--who", help="Who wants it; receipts keep it.")
@click.option("--dry-run", is_flag=True, help="Only say what would come of it.")
@click.pass_context
def replay(
    ctx: click.Context,
    repair_name: str | None,
    edited: Path | None,
    who: str | None,
    dry_run: bool,
    **scope: Any,
) -> None:
    """Validate records again and load the good ones, once.

    Without --repair and --edited they are judged as they are: the rules have changed. What is still bad stays in
    quarantine; then the exit status is 1.
    """
    from weblogs_platform.pipeline.replay import Decision, Replay, ReplayOutcome, replay_hour
    from weblogs_platform.repairs import repair_named

    if repair_name and edited:
        raise click.UsageError("give --repair or --edited, not both")
    looked_at = _scope(**scope)
    repair = repair_named(repair_name, looked_at.spec) if repair_name else None
    edits = _edits(edited, looked_at) if edited else {}
    total, run_id = ReplayOutcome(), _run_id()
    for hour in sorted(edits) if edited else looked_at.hours():
        how = Replay(looked_at.selection, repair, edits.get(hour), Decision(who), dry_run)
        total.add(replay_hour(looked_at.lake, looked_at.warehouse, looked_at.spec, hour, how, run_id=run_id))
    _print_outcome(total, dry_run=dry_run)
    ctx.exit(1 if total.still_bad else 0)


@quarantine.command()
@_scoped
@click.option("--object", "key", metavar="KEY", help="Only of this landing object.")
@click.option("--offset", type=click.IntRange(0), help="Only the record at this byte offset of --object.")
@click.option("--why", required=True, help="Why they are given up; receipts keep it.")
@click.option("--who", required=True, help="Who decided it; receipts keep it.")
@click.option("--dry-run", is_flag=True, help="Only say how many they would be.")
def discard(key: str | None, offset: int | None, why: str, who: str, dry_run: bool, **scope: Any) -> None:
    """Take records out of quarantine for good. Their bytes stay under invalid/."""
    from weblogs_platform.pipeline.replay import Decision, discard_hour

    if offset is not None and key is None:
        raise click.UsageError("--offset needs --object")
    looked_at, decision, run_id = _scope(**scope), Decision(who, why), _run_id()
    chosen = _chosen(looked_at, key, offset)
    lake, warehouse, spec = looked_at.lake, looked_at.warehouse, looked_at.spec
    count = sum(
        discard_hour(lake, warehouse, spec, hour, which, decision, run_id=run_id, dry_run=dry_run)
        for hour, which in chosen.items()
    )
    click.echo(f"{count} records {'would be ' if dry_run else ''}discarded")


@quarantine.command()
def repairs() -> None:
    """The repairs there are."""
    from weblogs_platform.repairs import REPAIRS

    for repair in REPAIRS:
        click.echo(f"{repair.label}  ({', '.join(repair.streams)})  {repair.description}")


def _scope(
    stream: str,
    first: LandingHour | None = None,
    end: LandingHour | None = None,
    reasons: Sequence[str] = (),
) -> Scope:
    from resources import LakeResource, RedshiftResource

    spec = stream_named(stream)
    first = first or spec.first_hour
    end = end or LandingHour.containing(datetime.now(UTC)).plus(1)
    if end <= first:
        raise click.BadParameter(f"{end.partition_key} is not after {first.partition_key}", param_hint="--to")
    lake, warehouse = LakeResource().lake(), RedshiftResource().warehouse()
    return Scope(lake, warehouse, spec, first, end, Selection(frozenset(reasons)))


def _chosen(scope: Scope, key: str | None, offset: int | None) -> Mapping[LandingHour, Selection]:
    """What is to be discarded, by hour."""
    if key is None:
        return dict.fromkeys(scope.hours(), scope.selection)
    places: dict[LandingHour, set[Place]] = {}
    for file, entry in scope.entries():
        if file.key == key and offset in {None, entry.place.offset}:
            places.setdefault(file.hour, set()).add(entry.place)
    if not places:
        raise InvalidName(f"{key!r} has no open record there")
    return {hour: Selection(scope.selection.reasons, frozenset(found)) for hour, found in places.items()}


def _edits(path: Path, scope: Scope) -> Mapping[LandingHour, Mapping[Place, Edit]]:
    size = path.stat().st_size
    if size > MAX_EDITED_BYTES:
        raise InvalidDocument(
            f"{path} has {size:,} bytes, more than {MAX_EDITED_BYTES:,}: give it back in parts"
        )
    edits = read_edits(path.read_bytes(), scope.spec)
    outside = [hour for hour in sorted(edits) if not scope.first <= hour < scope.end]
    if outside:
        raise InvalidDocument(
            f"{path} has records of {outside[0].partition_key}, which --from and --to leave out"
        )
    return edits


def _print_entry(file: QuarantinedFile, entry: Entry) -> None:
    lines = {
        "object": entry.place.key,
        "etag": entry.place.etag,
        "offset": f"{entry.place.offset}, {entry.length} bytes",
        "landing hour": file.hour.partition_key,
        "reasons": ", ".join(entry.reasons),
        "first seen": f"{file.first_seen:%Y-%m-%d %H:%M:%S} UTC, run {file.first_run}",
        "rules": file.rules,
        "state": file.outcome_of(entry.place),
    }
    for name, value in lines.items():
        click.echo(f"{name:<13} {value}")


def _print_raw(lake: Lake, entry: Entry) -> None:
    if entry.raw is None:
        click.echo(f"the bytes are in {lake.url(entry.raw_object or '')}", err=True)
        return
    click.echo(entry.raw)


def _print_outcome(outcome: ReplayOutcome, *, dry_run: bool) -> None:
    verb = "would be replayed" if dry_run else "replayed"
    click.echo(
        f"{outcome.replayed} records {verb}, {outcome.still_bad} are still bad, {outcome.already} were done"
    )
    for reason, count in Counter(outcome.reasons).most_common():
        click.echo(f"  {count} {reason}")
    for place, reasons in outcome.places:
        click.echo(f"still bad: {_place(place)}  {', '.join(reasons)}", err=True)


def _place(place: Place) -> str:
    # As Python spells it: whoever names objects must not write to this terminal.
    return f"{place.key!r} @{place.offset}"


def _opened(output: Path | None) -> AbstractContextManager[IO[str]]:
    """The file, which only its owner may read, also where it was there before: it may hold personal data."""
    if output is None:
        return nullcontext(sys.stdout)
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
    except OSError as error:
        raise click.ClickException(f"cannot write {str(output)!r}: {error.strerror}") from error
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _run_id() -> str:
    return f"weblogs quarantine {uuid.uuid4()}"
