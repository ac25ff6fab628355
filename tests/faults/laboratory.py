"""Hours under observation: what was delivered for them, what must be there, and what is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.faults.oracle import TABLES, Bad, Delivery, Row, Traffic
from tests.faults.servers import Servers
from tests.faults.worker import Job, Workers

_SHOWN = 500
_FIRST_HOUR = datetime(2024, 1, 1)  # noqa: DTZ001 - tables have no zones
_COMMIT_SECS, _LONGEST_COMMIT_SECS = 0.003, 0.03
"""How long after its sending a commit is on its way: where nothing else goes on, and at most."""

LedgerLine = tuple[str, str, int, int]
"""Object, ETag, records loaded, records quarantined."""


class WrongResult(AssertionError):
    """The platform holds something else than what was delivered."""


Receipt = tuple[str, str, int]
"""Object, ETag and offset of a record that was replayed."""

Note = tuple[str, str]
"""Object and ETag of a version that was left out."""


@dataclass
class Contents:
    """All that one hour has come to."""

    rows: Counter[Row] = field(default_factory=Counter[Row])
    ledger: Counter[LedgerLine] = field(default_factory=Counter[LedgerLine])
    quarantine: Counter[Bad] = field(default_factory=Counter[Bad])
    receipts: Counter[Receipt] = field(default_factory=Counter[Receipt])
    notes: Counter[Note] = field(default_factory=Counter[Note])

    @property
    def committed(self) -> tuple[Counter[Any], ...]:
        """What a transaction changes."""
        return self.rows, self.ledger, self.receipts, self.notes

    def differences(self, expected: Contents) -> list[str]:
        """In words; none when both are the same."""
        found: list[str] = []
        for what in ("rows", "ledger", "quarantine", "receipts", "notes"):
            here, wanted = getattr(self, what), getattr(expected, what)
            found += [f"missing in {what}: {n} x {_shown(one)}" for one, n in (wanted - here).items()]
            found += [f"too much in {what}: {n} x {_shown(one)}" for one, n in (here - wanted).items()]
        return found


def _shown(one: tuple[Any, ...]) -> str:
    """Records may have a megabyte."""
    return f"{one}"[:_SHOWN]


@dataclass
class Hour:
    """A landing hour of one stream that nobody else touches. `loaded` is what the last finished load must have left."""

    laboratory: Laboratory
    stream: str
    start: datetime
    objects: dict[str, tuple[Delivery, str]] = field(default_factory=dict)
    loaded: Contents = field(default_factory=Contents)
    vanished: dict[str, tuple[Delivery, str]] = field(default_factory=dict)
    repaired: frozenset[tuple[str, str]] = frozenset()
    """Objects, each with its ETag, whose bad records are to be there as they were mended."""

    def deliver(self, **how: Any) -> Delivery:
        """One more object, or (`key`) one rewritten."""
        made = self.laboratory.traffic.delivery(self.stream, self.start, **how)
        self.put(made)
        return made

    def put(self, made: Delivery) -> None:
        answer = self.laboratory.delivery_client.put_object(
            Bucket=self.laboratory.bucket, Key=made.key, Body=made.body
        )
        self.objects[made.key] = (made, answer["ETag"].strip('"'))

    def vanish(self, key: str) -> None:
        """Removes an object, as an expiry does. What is loaded of it by then stays."""
        self.laboratory.admin_client.delete_object(Bucket=self.laboratory.bucket, Key=key)
        self.vanished[key] = self.objects.pop(key)

    def job(self, **how: Any) -> Job:
        return Job(self.stream, self.start, **how)

    @property
    def is_home(self) -> bool:
        """Whether all that was delivered has been seen loaded."""
        return self.loaded.committed == self.expected.committed

    @property
    def expected(self) -> Contents:
        """What the objects come to, once all is loaded."""
        contents = Contents()
        for made, etag in self.objects.values():
            contents.rows.update(made.rows)
            contents.quarantine.update(made.bad)
            contents.ledger[made.key, etag, len(made.rows), len(made.bad)] += 1
            for offset, (_, row) in made.repairs.items() if (made.key, etag) in self.repaired else ():
                contents.rows[row] += 1
                contents.receipts[made.key, etag, offset] += 1
        return contents

    def bring_home(self) -> None:
        """The same run again, without a fault. Raises WrongResult unless the hour then holds exactly its content, and
        one more run does nothing."""
        first = self.laboratory.workers.run(self.job())
        again = self.laboratory.workers.run(self.job(steps=("load",)))
        if first is None or first[0] not in {"append", "replace", "nothing"} or again != ("nothing", 0):
            raise WrongResult(f"{self}: came home with {first}, then {again}")
        self.check_home()

    def check_home(self) -> None:
        """Raises WrongResult unless the hour holds exactly its content. Of an object that vanished that is all, when
        it was loaded before, or nothing."""
        found = self.contents()
        loaded = {line[0] for line in found.ledger}
        self.objects |= {key: made for key, made in self.vanished.items() if key in loaded}
        self.vanished = {}
        problems = found.differences(self.expected)
        if problems:
            raise WrongResult(f"{self}: " + "; ".join(problems[:5]))
        self.loaded = self.expected

    def check_whole(self) -> bool:
        """After a fault: what is loaded is either all of the new state or all of the last one, and which (True: the
        new one). Raises WrongResult when it is something between."""
        found = self.contents(quarantine=False)
        new, old = self.expected, self.loaded
        if found.committed == new.committed:
            self.loaded = new
            return True
        if found.committed == old.committed:
            return False
        raise WrongResult(f"{self} is half loaded: " + "; ".join(found.differences(new)[:5]))

    def contents(self, *, quarantine: bool = True) -> Contents:
        """What is there now, read past all proxies."""
        at = f"{self.start:%Y-%m-%d %H:%M:%S}"
        with self.laboratory.servers.warehouse.transaction() as tx:
            rows = tx.fetch_all(
                f"SELECT * FROM {TABLES[self.stream]} WHERE landing_hour = CAST(%s AS TIMESTAMP)", (at,)
            )
            lines = tx.fetch_all(
                "SELECT object_key, etag, loaded, quarantined, invalid_key FROM shopware_ops.load_history "
                "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP) AND superseded_at IS NULL",
                (self.stream, at),
            )
            receipts = tx.fetch_all(
                "SELECT object_key, etag, byte_offset FROM shopware_ops.quarantine_receipts WHERE stream = %s "
                "AND landing_hour = CAST(%s AS TIMESTAMP) AND superseded_at IS NULL AND outcome = 'replayed'",
                (self.stream, at),
            )
            notes = tx.fetch_all(
                "SELECT object_key, etag FROM shopware_ops.rewritten_objects "
                "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP)",
                (self.stream, at),
            )
        ledger: Counter[LedgerLine] = Counter((k, e, int(good), int(bad)) for k, e, good, bad, _ in lines)
        keys = [line[-1] for line in lines if line[-1]] if quarantine else []
        bad = Counter(self.laboratory.quarantined(keys))
        return Contents(
            Counter(rows), ledger, bad, Counter((k, e, int(at)) for k, e, at in receipts), Counter(notes)
        )

    def discard(self) -> None:
        """Takes the hour out of the campaign, and what is loaded of it out of the warehouse."""
        at = (f"{self.start}",)
        with self.laboratory.servers.warehouse.transaction() as tx:
            for table in (TABLES[self.stream], "shopware_ops.load_history"):
                tx.execute(f"DELETE FROM {table} WHERE landing_hour = CAST(%s AS TIMESTAMP)", at)
        self.laboratory.hours.remove(self)

    def __str__(self) -> str:
        return f"{self.stream} {self.start:%Y-%m-%dT%H}"


class Laboratory:
    """Everything that a campaign needs, from one seed."""

    def __init__(self, servers: Servers, seed: int) -> None:
        self.servers = servers
        self.traffic = Traffic(seed)
        self.chance = self.traffic.chance
        self.workers = Workers(servers.settings)
        self.bucket = servers.endpoints.bucket
        self.delivery_client = servers.client("delivery")
        self.admin_client = servers.client("admin")
        self.hours: list[Hour] = []
        self._commit_secs = _COMMIT_SECS

    def hour(
        self,
        stream: str,
        deliveries: int = 2,
        *,
        start: datetime | None = None,
        kind: type[Hour] = Hour,
        **how: Any,
    ) -> Hour:
        """A new hour (the next one, unless `start` says which), with objects."""
        made = kind(self, stream, start or _FIRST_HOUR + timedelta(hours=len(self.hours)))
        self.hours.append(made)
        for _ in range(deliveries):
            made.deliver(**how)
        return made

    def killed_in_commit(self, job: Job) -> bool:
        """Kills a run that holds before its commit while the commit is on its way; False when it was done by then. How long
        that takes is the machine's matter, so the next kill is aimed later after one that came in time, and earlier after
        one that came too late: four of five come in time."""
        killed = self.workers.killed_past(job, self.chance.uniform(0, self._commit_secs))
        self._commit_secs = min(_LONGEST_COMMIT_SECS, self._commit_secs * (1.1 if killed else 0.7))
        return killed

    def quarantined(self, keys: list[str]) -> Iterator[Bad]:
        """What these quarantine objects hold, read by their documented form alone."""
        for key in keys:
            for line in self._object(key).splitlines():
                entry: Mapping[str, Any] = json.loads(line)
                yield entry["object"], entry["offset"], entry["raw"].encode(), tuple(entry["reasons"])

    def _object(self, key: str) -> bytes:
        return self.admin_client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def check_everything(self) -> int:
        """Compares every hour of the campaign once more, with whole tables: nothing may be outside of the hours either.
        How many rows they hold together."""
        total = 0
        for stream, table in TABLES.items():
            wanted: Counter[Row] = Counter()
            for hour in self.hours:
                if hour.stream == stream:
                    hour.check_home()
                    wanted.update(hour.expected.rows)
            with self.servers.warehouse.transaction() as tx:
                found = Counter(tx.fetch_all(f"SELECT * FROM {table}"))
            if found != wanted:
                raise WrongResult(
                    f"{table}: {(found - wanted).total()} rows too many, {(wanted - found).total()} missing"
                )
            total += wanted.total()
        return total
