"""What the reconcile found, written down for people who may only read the warehouse."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.finding_statements import (
    ForgetFindings,
    ForgetLook,
    KnownFindings,
    RecordFindings,
    RecordLook,
)
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec

MOST_FINDINGS = 1000
"""Of a stream, oldest hours first; the look counts all of them."""

_LONGEST_SAID = 1000


@dataclass(frozen=True)
class Finding:
    """An object that landing has and the ledger has not: `new`, or `rewritten` where it has another version.

    What belongs to no hour is never loaded: a `stray` stands in a day (`hour` is the day's first), or `outside` of all days
    (`hour` is that of the look); of those outside, folders may stand for what is in them.
    """

    hour: LandingHour
    found: LandingObject
    kind: Literal["new", "rewritten", "stray", "outside"]


@dataclass(frozen=True)
class Look:
    """One look at some days: how many objects they have, which are not loaded, and what is said of them."""

    at: datetime
    days: Collection[date]
    objects: int
    findings: Sequence[Finding]
    said: str


def record_look(warehouse: Warehouse, spec: StreamSpec, look: Look) -> None:
    """Replaces what was found of the days that were looked at, and outside of all, in one transaction; other days keep
    theirs.

    Raises the client's errors.
    """
    at = _text(look.at)
    with warehouse.transaction() as tx:
        known = tx.fetch_all(KnownFindings(), (spec.name,))
        first_at = {(row[2], row[3]): _text(row[7]) for row in known}
        kept = [row for row in known if row[1].date() not in look.days and row[6] != "outside"]
        rows = [(spec.name, _text(row[1]), *row[2:5], _text(row[5]), row[6], _text(row[7])) for row in kept]
        rows += [_row(spec, finding, first_at.get(finding.found.identity, at)) for finding in look.findings]
        tx.execute(ForgetFindings(), (spec.name,))
        tx.insert_lines(RecordFindings, sorted(rows, key=lambda row: (row[1], row[2]))[:MOST_FINDINGS])
        tx.execute(ForgetLook(), (spec.name,))
        said = look.said.encode()[:_LONGEST_SAID].decode("utf-8", "ignore")
        tx.execute(RecordLook(), (spec.name, at, look.objects, len(rows), said))


def _row(spec: StreamSpec, finding: Finding, first_at: str) -> tuple[object, ...]:
    found = finding.found
    modified = _text(found.modified)
    return (
        spec.name, finding.hour.sql, found.key, found.etag, found.size_bytes, modified, finding.kind, first_at,
    )  # fmt: skip


def _text(moment: datetime) -> str:
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
