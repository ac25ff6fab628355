"""One sensor that tells people: a run that failed, and a check of severity ERROR that did (a conservation gap and an
invalid share over the threshold are such checks).

It reads the runs that ended since its last look, folds what they say into what was told before
(`shopware_ops.alerts`, see `core.alerts`), and tells what is new: the log always, a webhook and an SNS topic where the
settings name them. A channel that fails keeps its messages for the next ticks, for QUIET at most, and stops no other.

Its cursor only makes it prompt. Without one it reads the runs of the last QUIET again, and tells nothing twice. While
the warehouse is out of reach, the cursor stays where it is: that alone is told, once, and the rest when it is back. A
tick that is killed between sending and recording tells the same again: at least once, never not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import dagster as dg

from assets.automation.signals import finished_since, signals_of
from assets.automation.streams import Clock, utc_now
from resources import RedshiftResource
from resources.channels import channels_of
from weblogs_platform.clients.channels import Channel, within
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.alerts import (
    QUIET,
    STORE,
    Alert,
    Subject,
    Trouble,
    alerts_of,
    fold,
    without_values,
)
from weblogs_platform.core.errors import ChannelFailed, WarehouseUnavailable, WeblogsError
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.alerts import read_alerts, write_alerts
from weblogs_platform.settings import AlertSettings

SENSOR = "alerts"
INTERVAL_SECS = 30
MAX_RUNS = 50
"""Runs that one tick reads; the others are for the next ones."""

LOOK_SECS = 600
"""How often the warehouse is asked where no run ended."""

OVERLAP = timedelta(seconds=60)
"""Runs are looked for so far back, because their ends are not written in the order of their times."""

SENDING_SECS = 10
"""What all messages of one channel may take in a tick."""

STORE_SECS = 8
"""What reading, or writing, what was told may take: a tick has a minute."""


@dataclass(frozen=True)
class Cursor:
    """after: when the newest run that was read ended; seen: those within OVERLAP of it. looked_at: when the warehouse
    was read; waiting: whether a channel has still to take something. outage: since when it is out of reach, and which
    channels do not know yet. Moments are ISO 8601, UTC."""

    after: str
    seen: dict[str, str] = field(default_factory=dict[str, str])
    looked_at: str = ""
    waiting: bool = True
    outage_at: str = ""
    outage_waiting: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | None, now: datetime) -> Cursor:
        """What the cursor says; QUIET ago when it is absent or not ours."""
        try:
            found = cls(**json.loads(text or ""))
            datetime.fromisoformat(found.after)
        except (ValueError, TypeError):
            return cls((now - QUIET).isoformat())
        return replace(found, outage_waiting=tuple(found.outage_waiting))

    @property
    def since(self) -> datetime:
        """From when on runs are looked for."""
        return datetime.fromisoformat(self.after) - OVERLAP

    def past(self, records: Sequence[dg.RunRecord]) -> Cursor:
        """Behind these runs."""
        seen = self.seen | {
            r.dagster_run.run_id: r.update_timestamp.astimezone(UTC).isoformat() for r in records
        }
        after = max([self.after, *seen.values()])
        kept = {
            run_id: at for run_id, at in seen.items() if at > replace(self, after=after).since.isoformat()
        }
        return replace(self, after=after, seen=kept)

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))


def alert_sensor(
    streams: Sequence[StreamSpec], variables: Mapping[str, str] | None = None, clock: Clock = utc_now
) -> dg.SensorDefinition:
    """The sensor, running by default. `variables` stand in for those of the environment."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=INTERVAL_SECS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of runs and checks that failed: the log, and WEBLOGS_ALERT_WEBHOOK and "
        "WEBLOGS_ALERT_SNS_TOPIC where they are set. The same trouble once, see shopware_ops.alerts.",
    )
    def alerts(context: dg.SensorEvaluationContext, redshift: RedshiftResource) -> dg.SensorResult:
        now = clock()
        cursor = Cursor.parse(context.cursor, now)
        try:
            settings = AlertSettings.from_env(variables or None)
            tick = _Tick(context, streams, redshift.warehouse(), settings, now)
        except WeblogsError as error:
            _complain(context, f"nothing is told: {error}")
            return dg.SensorResult(skip_reason=str(error), cursor=context.cursor)
        cursor, said = tick.run(cursor)
        return dg.SensorResult(skip_reason=said, cursor=cursor.text)

    return alerts


class _Tick:
    """One look."""

    def __init__(
        self,
        context: dg.SensorEvaluationContext,
        streams: Sequence[StreamSpec],
        warehouse: Warehouse,
        settings: AlertSettings,
        now: datetime,
    ) -> None:
        self.context, self.streams, self.warehouse, self.now = context, streams, warehouse, now
        self.url = settings.dagster_url
        self.channels = {channel.name: channel for channel in channels_of(settings)}

    def run(self, cursor: Cursor) -> tuple[Cursor, str]:
        """The next cursor, and what to say of the tick."""
        records = finished_since(self.context.instance, cursor.since, cursor.seen, MAX_RUNS)
        if not records and not cursor.waiting and not self._is_due(cursor):
            return cursor, "no run ended"
        signals = [s for record in records for s in signals_of(self.context.instance, record, self.streams)]
        try:
            known = _stored(lambda: read_alerts(self.warehouse, self.now - QUIET - OVERLAP))
            changed = fold(known, signals, self.now, tuple(self.channels))
            _stored(lambda: write_alerts(self.warehouse, changed.values()))
        except WeblogsError as error:
            return self._tell_outage(cursor, error)
        self._log(alerts_of(t for t in changed.values() if t.announced_at == self.now))
        waiting = self._tell({**known, **changed})
        told = sum(t.announced_at == self.now for t in changed.values())
        after = replace(
            cursor.past(records),
            looked_at=self.now.isoformat(),
            waiting=waiting,
            outage_at="",
            outage_waiting=(),
        )
        return after, f"{len(records)} runs read, {told} troubles told, {len(changed)} noted"

    def _is_due(self, cursor: Cursor) -> bool:
        if not cursor.looked_at or cursor.outage_at:
            return True
        return self.now - datetime.fromisoformat(cursor.looked_at) >= timedelta(seconds=LOOK_SECS)

    def _tell(self, troubles: Mapping[Subject, Trouble]) -> bool:
        """Sends what channels wait for, and records what they took; whether some still wait."""
        due = [t for t in troubles.values() if t.waiting]
        fresh = [t for t in due if t.announced_at is not None and self.now - t.announced_at < QUIET]
        taken: dict[Subject, Trouble] = {t.subject: replace(t, waiting=()) for t in due if t not in fresh}
        sent = self._send(alerts_of(fresh), {t.subject: t.waiting for t in fresh})
        for trouble in fresh:
            left = tuple(n for n in trouble.waiting if n in self.channels and n not in sent[trouble.subject])
            if left != trouble.waiting:
                taken[trouble.subject] = replace(trouble, waiting=left)
        try:
            _stored(lambda: write_alerts(self.warehouse, taken.values()))
        except WeblogsError as error:
            _complain(self.context, f"what was told could not be recorded, and is told again: {error}")
            return True
        return any((taken.get(t.subject) or t).waiting for t in due)

    def _send(
        self, alerts: Sequence[Alert], waiting: Mapping[Subject, Collection[str]]
    ) -> dict[Subject, set[str]]:
        """Which channels took the message of each subject."""
        taken: dict[Subject, set[str]] = {subject: set() for subject in waiting}
        for name, channel in self.channels.items():
            mine = [
                replace(a, troubles=tuple(t for t in a.troubles if name in waiting[t.subject]))
                for a in alerts
            ]
            for alert in self._sent(channel, [alert for alert in mine if alert.troubles]):
                for trouble in alert.troubles:
                    taken[trouble.subject].add(name)
        return taken

    def _sent(self, channel: Channel, alerts: Sequence[Alert]) -> list[Alert]:
        """Those that the channel took before it failed, or its time was up."""
        taken: list[Alert] = []
        end = monotonic() + SENDING_SECS

        def send() -> None:
            for alert in alerts:
                if monotonic() < end:
                    channel.send(alert)
                    taken.append(alert)

        try:
            within(SENDING_SECS, send)
        except ChannelFailed as error:
            _complain(self.context, f"{error}; again at the next tick")
        except TimeoutError:
            _complain(
                self.context, f"{channel.name} did not answer in {SENDING_SECS} s; again at the next tick"
            )
        return list(taken)

    def _log(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            link = alert.link(self.url)
            _complain(self.context, f"{alert.text} [{link}]" if link else alert.text)

    def _tell_outage(self, cursor: Cursor, error: WeblogsError) -> tuple[Cursor, str]:
        """That the warehouse cannot be asked is told once, from the cursor alone; runs are read again next time."""
        why = without_values(str(error))
        since = datetime.fromisoformat(cursor.outage_at) if cursor.outage_at else None
        waiting = cursor.outage_waiting
        if since is None or self.now - since >= QUIET:
            since, waiting = self.now, tuple(self.channels)
            self._log([_outage(why, since)])
        alert = _outage(why, since)
        left = tuple(n for n in waiting if n in self.channels and not self._sent(self.channels[n], [alert]))
        return replace(cursor, outage_at=since.isoformat(), outage_waiting=left), f"held back: {why}"


def _complain(context: dg.SensorEvaluationContext, text: str) -> None:
    context.log.error(text)


def _outage(why: str, since: datetime) -> Alert:
    return Alert((Trouble(STORE, "shopware_ops.alerts", "", why, "", 1, since, since),))


def _stored(work: Callable[[], dict[Subject, Trouble] | None]) -> dict[Subject, Trouble]:
    try:
        return within(STORE_SECS, work) or {}
    except TimeoutError:
        raise WarehouseUnavailable(f"Redshift did not answer in {STORE_SECS} s") from None
