"""What keeps the tables up to date by itself: a sensor and a reconcile schedule for each stream, and the automation
of the tables derived from them.

    requests.py   which hours to request now, as a pure function of listing, ledger and runs
    runs.py       what Dagster's instance knows about runs over an hour
    survey.py     listing and ledger, side by side, over days
    streams.py    the sensor and the schedule of a stream
    inbox.py      the sensor over the queue of S3's notifications, if there is one
    derived.py    what refreshes the derived tables
    lakehouse.py  what keeps the lakehouse up to date, and tidy
    alerts.py     what tells people that a run or a check failed
    signals.py    what finished runs say about steps and checks

Correctness does not rest on them: an hour that is requested twice loads once, and what the sensor misses the
reconcile finds. They are running by default wherever the definitions are loaded; whoever wants them off turns
them off in the UI, which Dagster remembers.
"""

from __future__ import annotations

from assets.automation.alerts import alert_sensor
from assets.automation.derived import condition_sensor, derived_jobs, reconcile_sensor
from assets.automation.inbox import inbox_sensor
from assets.automation.lakehouse import (
    lakehouse_reconcile,
    lakehouse_sensor,
    maintenance_schedule,
)
from assets.automation.streams import StreamAutomation, stream_automation

__all__ = [
    "StreamAutomation",
    "alert_sensor",
    "condition_sensor",
    "derived_jobs",
    "inbox_sensor",
    "lakehouse_reconcile",
    "lakehouse_sensor",
    "maintenance_schedule",
    "reconcile_sensor",
    "stream_automation",
]
