"""The job `replay` and the quarantine's asset, as Dagster runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from assets.automation.runs import range_tags
from assets.keys import StreamKeys
from assets.quarantine import REPLAY_JOB
from assets.retry import Backoff
from tests.pipeline.hours import Hour
from tests.pipeline.records import encoded, web_log
from tests.quarantine.accounts import account
from weblogs_platform.definitions import build_definitions
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.streams import WEB_LOGS

QUARANTINE = StreamKeys.of(WEB_LOGS).quarantine


@pytest.fixture
def definitions(warehouse_stack: Endpoints) -> dg.Definitions:
    variables = {**warehouse_stack.platform_variables(), "WEBLOGS_HOME": str(warehouse_stack.home)}
    return build_definitions(variables=variables, backoff=Backoff((0.0,), sleep=lambda _: None))


@pytest.fixture
def bad_hour(hour: Hour) -> Hour:
    """One with a sound record, two that the repair makes sound, of another day, and one that it does not."""
    changes = {"user_id": ..., "timestamp": hour.hour.plus(-48).start.timestamp()}
    records = [web_log(1), *(web_log(n, **changes, userId=n) for n in (2, 3)), web_log(4, event_type="")]
    hour.drop("a", b"".join(map(encoded, records)))
    hour.run()
    return hour


Run = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def replay(definitions: dg.Definitions) -> Run:
    def run(hour: Hour, **config: Any) -> dg.ExecuteInProcessResult:
        span = {"first": hour.hour.sql[:13], "end": hour.hour.plus(1).sql[:13]}
        asked = {"stream": hour.spec.name, "repair": "user_id_spelling", **span, **config}
        return definitions.resolve_job_def(REPLAY_JOB).execute_in_process(
            run_config={"ops": {"replay_records": {"config": asked}}}, raise_on_error=False
        )

    return run


def made(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str | None, dict[str, Any]]:
    """Metadata by partition of the asset's materializations."""
    found = [e.materialization for e in result.all_events if e.is_step_materialization]
    return {m.partition: {k: v.value for k, v in m.metadata.items()} for m in found if m.asset_key == key}


def told(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """The metadata of the op's output."""
    [output] = result.filter_events(lambda e: e.is_successful_output)
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def test_the_job_replays_and_says_which_hours_changed(bad_hour: Hour, replay: Run) -> None:
    """The derived tables wait for the reconcile, or the quarantine shows what is gone."""
    result = replay(bad_hour)
    assert result.success
    events, key = bad_hour.hour.plus(-48).partition_key, bad_hour.hour.partition_key
    assert made(result, StreamKeys.of(WEB_LOGS).event_hours)[events] == {"rows_changed": 2}
    shown = made(result, QUARANTINE)[key]
    assert (shown["open"], shown["replayed"], shown["discarded"]) == (1, 2, 0)
    assert shown["open: null_required:event_type"] == 1
    outcome = told(result)
    assert (outcome["replayed"], outcome["still_bad"]) == (2, 1)
    assert outcome["still bad: null_required:event_type"] == 1
    again = told(replay(bad_hour))
    assert (again["replayed"], again["still_bad"]) == (0, 1)
    assert (account(bad_hour).replayed, len(account(bad_hour).open)) == (2, 1)


def test_a_dry_run_of_the_job_records_nothing(bad_hour: Hour, replay: Run) -> None:
    result = replay(bad_hour, dry_run=True)
    assert told(result)["replayed"] == 2
    assert not made(result, QUARANTINE)
    assert account(bad_hour).replayed == 0


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"stream": "nothing"}, "no stream 'nothing'; there are: web_logs"),
        ({"repair": "rating_text"}, "no repair 'rating_text' for web_logs; there are: anonymous_visitor"),
        ({"end": "2015-05-01"}, "is not after first"),
        ({"first": "today"}, "'today' is not an hour such as"),
        ({"who": "a\x1b[2J"}, "who is one line of text"),
    ],
)
def test_what_the_launchpad_cannot_mean_is_refused(
    bad_hour: Hour, replay: Run, config: dict[str, str], says: str
) -> None:
    result = replay(bad_hour, **config)
    assert not result.success
    [failure] = result.get_step_failure_events()
    said = failure.step_failure_data.user_failure_data
    assert said is not None
    assert says in (said.description or "")
    assert account(bad_hour).replayed == 0


def test_the_asset_shows_each_hour(bad_hour: Hour, definitions: dg.Definitions) -> None:
    """A backfill stands for all its hours, or an hour without bad records is missing."""
    hours = [bad_hour.hour.plus(-1), bad_hour.hour]
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(tags=range_tags(hours), asset_selection=[QUARANTINE])
    shown = made(result, QUARANTINE)
    assert shown.keys() == {h.partition_key for h in hours}
    found = shown[bad_hour.hour.partition_key]
    assert (found["open"], found["open: null_required:user_id"], found["replayed"]) == (3, 2, 0)
    assert found["oldest_age_hours"] < 1
