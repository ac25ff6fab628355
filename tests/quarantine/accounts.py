"""Where every record of an hour is, counted by other ways than the platform's: from the tables and S3 themselves."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from assets.checks import evaluate_table
from tests.pipeline.hours import Hour
from weblogs_platform.commands.verdicts import LedgerHour
from weblogs_platform.core.quarantine import Place, Selection
from weblogs_platform.pipeline.ledger import loaded_hour
from weblogs_platform.pipeline.replay import Replay, ReplayOutcome, replay_hour
from weblogs_platform.settings import PROJECT_ROOT


@dataclass(frozen=True)
class Account:
    """Of one hour. `open`: the places in quarantine without a receipt."""

    records: int
    loaded: int
    replayed: int
    discarded: int
    open: tuple[Place, ...]


def account(hour: Hour) -> Account:
    """The hour's account, after holding that it adds up, file by file and in the table."""
    at = (hour.spec.name, hour.hour.sql)
    with hour.warehouse.transaction() as tx:
        lines = tx.fetch_all(
            "SELECT object_key, etag, records, loaded, quarantined, invalid_key FROM shopware_ops.load_history "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP) AND superseded_at IS NULL",
            at,
        )
        receipts = tx.fetch_all(
            "SELECT object_key, etag, byte_offset, outcome FROM shopware_ops.quarantine_receipts "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP) AND superseded_at IS NULL",
            at,
        )
        verdicts = tx.fetch_all(
            "SELECT object_key, etag, byte_offset, verdict_no, reason FROM shopware_ops.quarantine_verdicts "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP)",
            at,
        )
    done = Counter(Place(key, etag, offset) for key, etag, offset, _ in receipts)
    assert all(count == 1 for count in done.values()), "a record has two receipts"
    open_places: list[Place] = []
    open_reasons: Counter[str] = Counter()
    for key, etag, records, loaded, quarantined, invalid_key in lines:
        written = hour.lake.get(invalid_key).splitlines() if invalid_key else []
        entries = {Place(e["object"], e["etag"], e["offset"]): e for e in map(json.loads, written)}
        places = entries.keys()
        assert len(places) == quarantined
        still = places - done.keys()
        own = [r for r in receipts if (r[0], r[1]) == (key, etag)]
        assert {Place(*r[:3]) for r in own} <= places, "a receipt of no record"
        assert records == loaded + len(own) + len(still)
        open_places += still
        for place in still:
            judged = [(v[3], v[4]) for v in verdicts if Place(*v[:3]) == place]
            last = max((number for number, _ in judged), default=None)
            new = [reason for number, reason in judged if number == last]
            open_reasons.update(new or entries[place]["reasons"])
    assert _counted_reasons(hour) == open_reasons
    outcomes = Counter(outcome for *_, outcome in receipts)
    loaded = sum(line[3] for line in lines)
    assert len(hour.rows()) == loaded + outcomes["replayed"]
    found = Account(
        sum(line[2] for line in lines),
        loaded,
        outcomes["replayed"],
        outcomes["discarded"],
        tuple(sorted(open_places)),
    )
    _hold_that_the_platform_agrees(hour, found)
    return found


def _counted_reasons(hour: Hour) -> dict[str, int]:
    """What the warehouse says is open, by reason."""
    query = (
        "SELECT reason, SUM(records) FROM shopware_ops.quarantine_reasons "
        "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP) GROUP BY 1 HAVING SUM(records) <> 0"
    )
    with hour.warehouse.transaction() as tx:
        return {reason: int(n) for reason, n in tx.fetch_all(query, (hour.spec.name, hour.hour.sql))}


def _hold_that_the_platform_agrees(hour: Hour, found: Account) -> None:
    """Its checks pass, and the query that people run has the same numbers."""
    ledger = loaded_hour(hour.warehouse, hour.spec, hour.hour)
    for outcome in evaluate_table(hour.spec, hour.validate(), ledger, len(hour.rows())):
        assert outcome.passed, outcome.summary
    query = (PROJECT_ROOT / "sql" / "verification" / "conservation.sql").read_text(encoding="utf-8")
    span = {"first": hour.hour.sql, "end": hour.hour.plus(1).sql, "stream": hour.spec.name}
    with hour.warehouse.transaction() as tx:
        rows = tx.fetch_all(query, span)
    told = [LedgerHour(stream, start, *map(int, counts)) for stream, start, *counts in rows]
    expected = (found.records, found.loaded, len(found.open), found.replayed, found.discarded)
    assert [(h.records, h.loaded, h.quarantined, h.replayed, h.discarded) for h in told] == [expected]
    assert all(h.adds_up for h in told)


def replay(hour: Hour, how: Replay | None = None, run_id: str = "test replay") -> ReplayOutcome:
    """Replays the hour's quarantine, all of it as it is unless `how` says else."""
    return replay_hour(
        hour.lake, hour.warehouse, hour.spec, hour.hour, how or Replay(Selection()), run_id=run_id
    )
