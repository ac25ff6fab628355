"""POS and inventory as Dagster runs them: sensors see their files, runs load them, checks say what was wrong."""

from __future__ import annotations

import json

import dagster as dg
import pytest

from assets.automation import stream_automation
from assets.automation.survey import list_landing, look_at_history
from assets.keys import StreamKeys
from resources import LakeResource, RedshiftResource
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.streams import BATCH_SOURCES, INVENTORY, POS

each_source = pytest.mark.parametrize("spec", BATCH_SOURCES, ids=lambda s: s.name)


def content(spec: StreamSpec, hour: LandingHour, levels: list[int | str]) -> bytes:
    """A file with a record for each quantity or stock level."""
    secs = hour.start.timestamp() - 1800
    if spec is POS:
        rows = [f"t{n},1,1000,{level},20.5,,{secs}" for n, level in enumerate(levels)]
        header = "transaction_id,store_id,product_id,quantity,revenue,discount_applied,timestamp"
        return "\n".join([header, *rows]).encode()
    records = [
        {
            "inventory_id": f"i{n}", "product_id": 1000, "warehouse_id": 1, "stock_level": level,
            "restock_threshold": 10, "last_updated": secs,
        }
        for n, level in enumerate(levels)
    ]  # fmt: skip
    return json.dumps(records).encode()


def deliver(platform, spec: StreamSpec, hour: LandingHour, end: str, body: bytes) -> str:
    suffix = "csv" if spec is POS else "json"
    key = f"{spec.landing_hour_prefix(hour)}{end}.{suffix}"
    platform.delivery.put_object(Bucket=platform.bucket, Key=key, Body=body)
    return key


def rows(platform, spec: StreamSpec, hour: LandingHour) -> list[int]:
    """The levels in the table of that landing hour, in order of delivery."""
    column = "quantity" if spec is POS else "stock_level"
    query = (
        f"SELECT {column} FROM {spec.qualified_table} WHERE landing_hour = CAST(%s AS TIMESTAMP) "
        "ORDER BY delivered_at, record_number"
    )
    with platform.warehouse.transaction() as tx:
        return [level for (level,) in tx.fetch_all(query, (hour.sql,))]


@each_source
def test_the_sensor_has_new_and_rewritten_files_loaded(platform, spec: StreamSpec):
    """A file is not seen, seen for ever, or its second version never comes into the table."""
    hour = platform.fresh_hour()
    resources = {
        "lake": LakeResource(variables=platform.variables),
        "redshift": RedshiftResource(variables=platform.variables),
    }
    sensor = stream_automation(spec=spec, clock=lambda: hour.plus(5).start).sensor
    job = platform.definitions().resolve_job_def(f"load_{spec.name}")

    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
            with dg.build_sensor_context(
                instance=instance, cursor=cursor, resources=resources, definitions=platform.definitions()
            ) as context:
                result = sensor(context)
            assert isinstance(result, dg.SensorResult)
            return list(result.run_requests or []), result.cursor

        def execute(request: dg.RunRequest) -> dg.ExecuteInProcessResult:
            return job.execute_in_process(
                instance=instance,
                partition_key=request.partition_key,
                tags=request.tags,
                raise_on_error=False,
            )

        deliver(platform, spec, hour, "0000", content(spec, hour, [5, 6]))
        [request], cursor = tick(None)
        assert execute(request).success
        assert rows(platform, spec, hour) == [5, 6]
        assert tick(cursor)[0] == []
        deliver(platform, spec, hour, "0000", content(spec, hour, [7]))
        [again], cursor = tick(cursor)
        assert execute(again).success
        assert rows(platform, spec, hour) == [7]
        assert tick(cursor)[0] == tick(None)[0] == []


@each_source
def test_a_run_judges_and_reports(platform, spec: StreamSpec):
    """A bad record is not told, or an hour of a broken export gets into the warehouse."""
    first = platform.fresh_hour()
    deliver(platform, spec, first, "0000", content(spec, first, [5, "many", 6]))
    broken = content(spec, first, [1, 2, 3]).replace(b"product_id", b"article")
    deliver(platform, spec, first.plus(1), "0000", broken)
    job = platform.definitions().resolve_job_def(f"load_{spec.name}")
    with dg.DagsterInstance.ephemeral() as instance:
        results = [
            job.execute_in_process(instance=instance, partition_key=hour.partition_key, raise_on_error=False)
            for hour in (first, first.plus(1))
        ]
    assert [result.success for result in results] == [True, False]
    assert rows(platform, spec, first) == [5, 6]
    assert rows(platform, spec, first.plus(1)) == []
    assert failed_checks(results[0]) == []
    assert failed_checks(results[1]) == [
        "required_fields_not_null",
        "invalid_share_within_threshold",
        "schema_drift",
    ]
    made = results[0].asset_materializations_for_node(spec.name)
    [loaded] = [m for m in made if m.asset_key == StreamKeys.of(spec).table]
    assert loaded.metadata["quarantined"].value == 1


def failed_checks(result: dg.ExecuteInProcessResult) -> list[str]:
    found = [
        e.asset_check_evaluation_data
        for e in result.all_events
        if e.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    return [e.check_name for e in found if not e.passed]


@each_source
def test_a_survey_finds_files_by_their_names(platform, spec: StreamSpec):
    """Files in one folder are listed in the wrong hour, or a misnamed one is passed over in silence."""
    hour = platform.fresh_hour().plus(10)
    now = hour.plus(1).start
    keys = [deliver(platform, spec, hour, end, content(spec, hour, [1])) for end in ("0000", "5959")]
    other = deliver(platform, spec, hour.plus(-3), "0000", content(spec, hour, [1]))
    stray = deliver(platform, spec, hour, "0000.part", content(spec, hour, [1]))
    listing = list_landing(platform.lake, spec, [now.date()], now)
    assert {h: [o.key for o in objects] for h, objects in listing.hours.items()} == {
        hour.plus(-3): [other],
        hour: keys,
    }
    assert [stray in note for note in listing.notes] == [True]
    history = look_at_history(platform.lake, spec, now.replace(hour=0))
    assert hour.start.date() in history.page
    assert stray in [found.found.key for found in history.strays]


def test_the_sources_share_no_prefix():
    """A file of one source is taken for one of another."""
    assert POS.landing_day_prefix(LandingHour.from_argument("2025-07-20").start.date()) == "pos/pos_20250720_"
    assert not INVENTORY.landing_prefix.startswith(POS.landing_prefix)
