"""Derived tables as Dagster has them: runs over the embedded stack, their checks, and what refreshes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from assets.automation.derived import reconcile_sensor
from assets.automation.runs import RANGE_END_TAG, RANGE_START_TAG, range_tags
from assets.derived_checks import agrees_with_sources, key_unique, no_nulls, volume_in_band
from assets.keys import StreamKeys, derived_key, job_name, refresh_job_name
from resources import RedshiftResource
from weblogs_platform.core import failpoints
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.kpis import TABLES, table_named
from weblogs_platform.pipeline.derived_facts import Agreement, PeriodFacts
from weblogs_platform.pipeline.refresh import stale_periods
from weblogs_platform.streams import STREAMS, WEB_LOGS

TRAFFIC, SESSION = table_named("web_traffic_hourly"), table_named("web_session")
SALES = table_named("sales_kpi_daily")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def run(platform, instance) -> Callable[..., dg.ExecuteInProcessResult]:
    definitions = platform.definitions()

    def run(job: str, tags: dict[str, str], selection: list[dg.AssetKey] | None = None):
        resolved = definitions.resolve_job_def(job)
        if selection:
            resolved = resolved.get_subset(asset_selection=set(selection))
        return resolved.execute_in_process(
            instance=instance, tags=tags, run_config=QUIET, raise_on_error=False
        )

    return run


def _between(first: str, last: str) -> dict[str, str]:
    return {RANGE_START_TAG: first, RANGE_END_TAG: last}


def _metadata(result, key: dg.AssetKey, partition: str) -> dict[str, Any]:
    [made] = [
        m
        for m in result.asset_materializations_for_node(f"refresh_{key.path[-1]}")
        if m.partition == partition
    ]
    return {name: value.value for name, value in made.metadata.items()}


def _checks(result, key: dg.AssetKey) -> dict[str, bool]:
    found = [
        e.event_specific_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    return {f"{e.partition} {e.check_name}": e.passed for e in found if e.asset_key == key}


def _deliver_sessions(platform, make_record) -> LandingHour:
    """Two sessions, one of them over midnight, landed in one hour."""
    hour = platform.fresh_hour().plus(30)
    midnight = hour.plus(18).start
    times = {"calm": [hour.start], "late": [midnight - timedelta(minutes=3), midnight + timedelta(minutes=2)]}
    records = [
        make_record(session_id=f"{name} {hour.path}", timestamp=at.timestamp())
        for name, moments in times.items()
        for at in moments
    ]
    platform.deliver(hour, "a", records)
    return hour


def test_a_refresh_makes_every_period_of_its_range(platform, run, make_record):
    """A backfill makes one period, or doubles rows, or forgets the empty ones."""
    hour = _deliver_sessions(platform, make_record)
    run(job_name(WEB_LOGS), range_tags([hour]))
    day, next_day = f"{hour.start:%Y-%m-%d}", f"{hour.start + timedelta(days=1):%Y-%m-%d}"
    for _ in range(2):
        result = run(refresh_job_name("day"), _between(day, next_day), [derived_key(SESSION)])
        assert result.success
        made = _metadata(result, derived_key(SESSION), day)
        assert (made["dagster/partition_row_count"], made["total_events"], made["periods_in_run"]) == (
            2,
            3,
            2,
        )
        assert _metadata(result, derived_key(SESSION), next_day)["dagster/partition_row_count"] == 0
        checks = _checks(result, derived_key(SESSION))
        assert len(checks) == 8
        assert [name for name, passed in checks.items() if not passed] == [f"{next_day} volume_in_band"]


def test_a_table_that_was_changed_by_hand_fails_its_check(platform, run, make_record):
    """Somebody deletes a row, and every figure that follows is believed."""
    hour = _deliver_sessions(platform, make_record)
    run(job_name(WEB_LOGS), range_tags([hour]))
    day = f"{hour.start:%Y-%m-%d}"
    tags = _between(day, day)
    assert run(refresh_job_name("day"), tags, [derived_key(SESSION)]).success
    with platform.warehouse.transaction() as tx:
        tx.execute("DELETE FROM shopware_kpis.web_session WHERE session_id = %s", (f"calm {hour.path}",))
    checks = platform.definitions().resolve_implicit_global_asset_job_def()
    only_checks = checks.get_subset(
        asset_selection=set(),
        asset_check_selection={
            dg.AssetCheckKey(derived_key(SESSION), name) for name in ("agrees_with_sources", "key_unique")
        },
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = only_checks.execute_in_process(instance=instance, tags=tags, run_config=QUIET)
    assert _checks(result, derived_key(SESSION)) == {
        f"{day} agrees_with_sources": False,
        f"{day} key_unique": True,
    }


def test_a_load_between_refresh_and_check_is_no_difference(platform, run, make_record, monkeypatch):
    """While late records load, checks of a sound table fail and alert, until it is refreshed."""
    hour = _deliver_sessions(platform, make_record)
    run(job_name(WEB_LOGS), range_tags([hour]))
    late = hour.plus(1)
    platform.deliver(
        late, "b", [make_record(session_id=f"new {hour.path}", timestamp=hour.start.timestamp())]
    )

    def load_late(place: str) -> None:
        if place == "derived:refreshed":
            monkeypatch.undo()
            assert run(job_name(WEB_LOGS), range_tags([late])).success

    monkeypatch.setattr(failpoints, "reach", load_late)
    day, next_day = f"{hour.start:%Y-%m-%d}", f"{hour.start + timedelta(days=1):%Y-%m-%d}"
    result = run(refresh_job_name("day"), _between(day, next_day), [derived_key(SESSION)])
    assert _metadata(result, derived_key(SESSION), day)["dagster/partition_row_count"] == 2
    assert _checks(result, derived_key(SESSION))[f"{day} agrees_with_sources"]
    assert stale_periods(
        platform.warehouse, SESSION, first=_day(hour.start), end=_day(hour.start) + SESSION.step
    )
    result = run(refresh_job_name("day"), _between(day, next_day), [derived_key(SESSION)])
    assert _metadata(result, derived_key(SESSION), day)["dagster/partition_row_count"] == 3
    assert _checks(result, derived_key(SESSION))[f"{day} agrees_with_sources"]


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0)


def test_a_warehouse_that_is_down_is_one_line(run, monkeypatch):
    """A run fails with a traceback of the driver, after minutes."""

    def refused(self: RedshiftResource):
        from weblogs_platform.core.errors import WarehouseUnavailable

        raise WarehouseUnavailable(
            "Redshift does not answer: connection refused. Is it running? (`weblogs up`; on AWS, `weblogs doctor`)"
        )

    monkeypatch.setattr(RedshiftResource, "warehouse", refused)
    result = run(refresh_job_name("day"), _between("2020-01-01", "2020-01-01"), [derived_key(SESSION)])
    [failure] = result.get_step_failure_events()
    assert "weblogs up" in failure.step_failure_data.user_failure_data.description


def _tick(platform, instance, now: datetime):
    definitions = platform.definitions()
    jobs = [definitions.resolve_job_def(refresh_job_name(grain)) for grain in ("hour", "day")]
    sensor = reconcile_sensor(TABLES, STREAMS, jobs, lambda: now)
    context = dg.build_sensor_context(
        instance=instance, resources={"redshift": RedshiftResource(variables=platform.variables)}
    )
    return sensor(context)


def _requested(result, platform) -> set[tuple[str, str]]:
    requests = getattr(result, "run_requests", None) or []
    return {
        (key.path[-1], request.tags[RANGE_START_TAG])
        for request in requests
        for key in request.asset_selection or []
    }


def test_the_reconcile_requests_what_no_event_told(platform, run, make_record, instance):
    """A run is killed between its commit and its events: Dagster never hears of the hours it changed."""
    hour = _deliver_sessions(platform, make_record)
    run(job_name(WEB_LOGS), range_tags([hour]))
    day = f"{hour.start:%Y-%m-%d}"
    now = hour.start + timedelta(days=3)
    requested = _requested(_tick(platform, instance, now), platform)
    assert ("web_session", day) in requested
    assert ("web_traffic_hourly", hour.partition_key) in requested
    run(refresh_job_name("day"), _between(day, day), [derived_key(SESSION)])
    assert ("web_session", day) not in _requested(_tick(platform, instance, now), platform)


def _evaluated(definitions, instance, cursor=None):
    return dg.evaluate_automation_conditions(
        defs=definitions,
        instance=instance,
        cursor=cursor,
        asset_selection=dg.AssetSelection.assets(*(derived_key(t) for t in TABLES)),
    )


def test_a_late_event_refreshes_exactly_its_hour_and_day(platform, instance):
    """Dagster's eager condition looks at the newest day only: late records never reach the KPIs."""
    definitions = platform.definitions()
    first = _evaluated(definitions, instance)
    assert first.total_requested == 0
    late = LandingHour.from_argument("2019-02-03T04")
    instance.report_runless_asset_event(
        dg.AssetMaterialization(StreamKeys.of(WEB_LOGS).event_hours, partition=late.partition_key)
    )
    second = _evaluated(definitions, instance, first.cursor)
    assert second.get_requested_partitions(derived_key(TRAFFIC)) == {late.partition_key}
    assert second.get_requested_partitions(derived_key(SESSION)) == {"2019-02-03"}
    assert second.get_requested_partitions(derived_key(SALES)) == set()
    third = _evaluated(definitions, instance, second.cursor)
    assert third.total_requested == 0


def test_what_stands_on_a_table_follows_it(platform, instance):
    """Sales of a day are corrected, and the KPIs of that day stay as they were."""
    definitions = platform.definitions()
    first = _evaluated(definitions, instance)
    instance.report_runless_asset_event(
        dg.AssetMaterialization(derived_key(table_named("pos_daily")), partition="2019-02-03")
    )
    second = _evaluated(definitions, instance, first.cursor)
    for name in ("sales_kpi_daily", "regional_kpi_daily", "sales_product_daily", "operations_kpi_daily"):
        assert second.get_requested_partitions(derived_key(table_named(name))) == {"2019-02-03"}
    assert second.get_requested_partitions(derived_key(table_named("inventory_kpi_daily"))) == set()


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_every_table_says_what_its_columns_mean(table):
    """A figure that nobody can explain is not used, or used wrongly."""
    definitions = _definitions()
    [spec] = [s for s in definitions.resolve_all_asset_specs() if s.key == derived_key(table)]
    schema, lineage = spec.metadata["dagster/column_schema"], spec.metadata["dagster/column_lineage"]
    assert [c.name for c in schema.columns] == [c.name for c in table.columns]
    assert all(f"`{c.name}`: {c.description}" in (spec.description or "") for c in table.columns)
    upstream = {dep.asset_key for deps in lineage.deps_by_column.values() for dep in deps}
    known = {s.key for s in definitions.resolve_all_asset_specs()}
    assert upstream <= known
    assert spec.group_name == table.team
    assert {d.asset_key for d in spec.deps} <= known


def _definitions() -> dg.Definitions:
    from weblogs_platform.definitions import defs

    return defs


def test_repeated_keys_and_nulls_fail():
    """The checks of a table cannot fail."""
    facts = PeriodFacts(rows=10, repeated_keys=2, nulls={"session_id": 0, "total_events": 3})
    unique, nulls = key_unique(SESSION, facts), no_nulls(facts)
    assert (unique.passed, nulls.passed) == (False, False)
    assert "2 of 10 rows" in unique.summary
    assert nulls.details["by_column"] == {"total_events": 3}
    assert key_unique(SESSION, PeriodFacts(rows=3)).passed
    assert no_nulls(PeriodFacts(rows=3, nulls={"session_id": 0})).passed


def test_a_cent_is_a_difference():
    """Revenue is compared as a float, and a cent is lost in it."""
    from decimal import Decimal

    right = Agreement(Decimal("10000000.10"), Decimal("10000000.10"))
    wrong = Agreement(Decimal("10000000.10"), Decimal("10000000.11"))
    assert agrees_with_sources(PeriodFacts(agreements={"revenue": right})).passed
    outcome = agrees_with_sources(PeriodFacts(agreements={"revenue": wrong, "units": right}))
    assert not outcome.passed
    assert outcome.summary == "revenue is 10000000.11, the sources have 10000000.10"
    outcome = agrees_with_sources(PeriodFacts(agreements={"revenue": wrong}, stale=True))
    assert outcome.passed
    assert outcome.summary.startswith("not compared: a source has changed")


@pytest.mark.parametrize(
    ("volume", "before", "over", "passed"),
    [
        (50, 100, True, True),
        (49, 100, True, False),
        (201, 100, True, False),
        (1, 100, False, True),
        (9, None, True, True),
    ],
)
def test_the_volume_is_compared_with_the_period_before(volume, before, over, passed):
    """Half of the sales are missing on a day, and nobody is told; or every running day is an alarm."""
    facts = PeriodFacts(rows=1, volume=volume, previous_volume=before)
    assert volume_in_band(SESSION, facts, over=over).passed is passed


def test_utc_days_are_partitions_of_events():
    partitions = _definitions().resolve_assets_def(derived_key(SESSION)).partitions_def
    assert isinstance(partitions, dg.DailyPartitionsDefinition)
    assert partitions.timezone == "UTC"
    assert partitions.get_last_partition_key() == f"{datetime.now(UTC):%Y-%m-%d}"
