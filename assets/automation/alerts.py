"""One message for each run that failed: to the log always, to a webhook when WEBLOGS_ALERT_WEBHOOK is set.

The message has the form of Slack's incoming webhooks, which Mattermost, Rocket.Chat and others take too. It says
which job, which partitions, the first line of the error, and where to look. Values of records do not leave the
warehouse this way: only errors that the platform raises on purpose are quoted, without what stands in quotes; of
others only the type is named.

A run is announced once, which a tag of the run remembers. A webhook that does not answer costs nothing but the
message: the log says so, and Dagster's UI shows the run as before.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.automation.runs import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from weblogs_platform.core.errors import InvalidSettings
from weblogs_platform.settings import AlertSettings

ANNOUNCED_TAG = "weblogs/announced"
INTERVAL_SECS = 15
TIMEOUT_SECS = 5
LONGEST_REASON = 300

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_ADDRESS = re.compile(r"\S+@\S+")
_UNEXPECTED = re.compile(r"unexpected (\w+): .*", re.DOTALL)


@dataclass(frozen=True)
class FailedRun:
    """What is said about a run. `partitions` is empty for a run without any."""

    run_id: str
    job: str
    partitions: str
    reason: str

    @property
    def text(self) -> str:
        """The message in one line."""
        of = f" of {self.partitions}" if self.partitions else ""
        return f"{self.job}{of} failed: {self.reason}"


def failure_alerts(variables: Mapping[str, str] | None = None) -> dg.SensorDefinition:
    """The sensor over all runs of the code location, running by default. `variables` stand in for those of the
    environment."""

    @dg.run_failure_sensor(
        name="announce_failed_runs",
        minimum_interval_seconds=INTERVAL_SECS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Logs each run that failed, and posts it to WEBLOGS_ALERT_WEBHOOK when that is set.",
    )
    def announce(context: dg.RunFailureSensorContext) -> None:
        run_id = context.dagster_run.run_id
        run = context.instance.get_run_by_id(run_id)
        if run is None or ANNOUNCED_TAG in run.tags:
            return
        failures = context.get_step_failure_events()
        failed = FailedRun(run_id, _job_of(run, failures), partitions_of(run.tags), reason_of(failures))
        context.log.error(failed.text)
        if _post(context, failed, variables):
            context.instance.add_run_tags(run_id, {ANNOUNCED_TAG: "true"})

    return announce


def message(failed: FailedRun, dagster_url: str | None) -> dict[str, Any]:
    """The body for the webhook; the link is there when it is known where Dagster's UI is."""
    link = f"{dagster_url}/runs/{failed.run_id}" if dagster_url else None
    fields = {
        "Job": failed.job,
        "Partitions": failed.partitions,
        "Error": failed.reason,
        "Run": link or failed.run_id,
    }
    return {
        "text": failed.text,
        "attachments": [
            {
                "color": "danger",
                "fallback": failed.text,
                "fields": [
                    {"title": title, "value": value, "short": title in {"Job", "Partitions"}}
                    for title, value in fields.items()
                    if value
                ],
            }
        ],
    }


def partitions_of(tags: Mapping[str, str]) -> str:
    """The run's partition, or its first and last, as its tags say; empty when it has none."""
    first, last = tags.get(RANGE_START_TAG), tags.get(RANGE_END_TAG)
    if first and last and first != last:
        return f"{first} to {last}"
    return first or tags.get(PARTITION_TAG, "")


def reason_of(failures: Sequence[dg.DagsterEvent]) -> str:
    """Why the first step failed, in a line without values; where no step did, the run itself broke off."""
    if not failures:
        return "the run broke off outside of its steps"
    data = failures[0].step_failure_data
    if data.user_failure_data is not None:
        return without_values(data.user_failure_data.description or "no reason was given")
    error = data.error and (data.error.cause or data.error)
    return f"unexpected {error.cls_name}" if error and error.cls_name else "no reason was recorded"


def without_values(text: str) -> str:
    """The first line without anything that may be a value of a record: quotes, addresses, unexpected errors."""
    line = next(iter(text.splitlines()), "")
    line = _UNEXPECTED.sub(r"unexpected \1", line)
    line = _ADDRESS.sub("...", _QUOTED.sub("'...'", line))
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 3]}..."


def _job_of(run: dg.DagsterRun, failures: Sequence[dg.DagsterEvent]) -> str:
    """The job's name; a run that was asked for by its assets is named by them, or by the step that failed."""
    if not run.job_name.startswith("__"):
        return run.job_name
    names = sorted(key.to_user_string() for key in run.asset_selection or ())
    names = names or [str(event.step_key) for event in failures] or [run.job_name]
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _post(
    context: dg.RunFailureSensorContext, failed: FailedRun, variables: Mapping[str, str] | None
) -> bool:
    """Whether nothing is left to do about the message: it was taken, or nobody wants it."""
    try:
        settings = AlertSettings.from_env(variables or None)
    except InvalidSettings as error:
        _complain(context, f"no message was sent: {error}")
        return False
    if settings.webhook is None:
        return True
    body = json.dumps(message(failed, settings.dagster_url)).encode()
    request = urllib.request.Request(  # noqa: S310 - the settings accept http and https only
        settings.webhook, data=body, headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECS):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        why = f"it answered {error.code}"
    except (OSError, ValueError) as error:
        why = type(error).__name__
    # Neither its address nor its answer: the address of a webhook is its password.
    _complain(context, f"the webhook took no message about run {failed.run_id}: {why}")
    return False


def _complain(context: dg.RunFailureSensorContext, text: str) -> None:
    context.log.error(text)
