"""What Dagster is told about every declared stream."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise

import dagster as dg
import pytest

from assets.keys import StreamKeys
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.definitions import build_definitions
from weblogs_platform.settings import PROJECT_ROOT
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, STREAMS, WEB_LOGS

each_stream = pytest.mark.parametrize("spec", STREAMS, ids=lambda s: s.name)


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions()


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


def test_the_definitions_load_where_there_is_no_stack_and_no_environment(tmp_path):
    """An import that reads settings breaks the code location on every machine but the author's."""
    code = "import dagster as dg, weblogs_platform.definitions as d; dg.Definitions.validate_loadable(d.defs)"
    environment = {"PYTHONPATH": str(PROJECT_ROOT), "HOME": str(tmp_path), "PATH": os.defpath}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, timeout=60)


def test_the_asset_keys_are_those_that_were_agreed(specs):
    """Dashboards, bookmarks and downstream teams refer to them."""
    assert {key.to_user_string() for key in specs} == {
        "landing/web_logs",
        "validated/web_logs",
        "manifest/web_logs",
        "shopware_stream/web_logs_stream",
        "event_hours/web_logs",
        "quarantine/web_logs",
        "landing/customer_interactions",
        "validated/customer_interactions",
        "manifest/customer_interactions",
        "shopware_stream/customer_interaction_stream",
        "event_hours/customer_interactions",
        "quarantine/customer_interactions",
        "landing/pos",
        "validated/pos",
        "manifest/pos",
        "shopware_processed/pos_records",
        "event_hours/pos",
        "quarantine/pos",
        "landing/inventory",
        "validated/inventory",
        "manifest/inventory",
        "shopware_processed/inventory_records",
        "event_hours/inventory",
        "quarantine/inventory",
        "lakehouse/web_logs",
        "lakehouse_maintenance/web_logs",
        "lakehouse/customer_interactions",
        "lakehouse_maintenance/customer_interactions",
        "lakehouse/pos",
        "lakehouse_maintenance/pos",
        "lakehouse/inventory",
        "lakehouse_maintenance/inventory",
        "shopware_processed/pos_daily",
        "shopware_processed/inventory_daily",
        "shopware_kpis/web_session",
        "shopware_kpis/web_traffic_hourly",
        "shopware_kpis/interactions_hourly",
        "shopware_kpis/support_kpi_daily",
        "shopware_kpis/sales_kpi_daily",
        "shopware_kpis/regional_kpi_daily",
        "shopware_kpis/sales_product_daily",
        "shopware_kpis/inventory_kpi_daily",
        "shopware_kpis/operations_kpi_daily",
        "shopware_kpis/marketing_kpi_daily",
    }


@each_stream
def test_every_asset_has_prose_owner_group_and_kinds(spec: StreamSpec, specs):
    """Whoever opens the graph has to know what a box is and whom to ask."""
    for key in StreamKeys.of(spec).in_order:
        asset = specs[key]
        assert len(asset.description or "") > 80
        assert list(asset.owners) == [spec.owner]
        assert asset.group_name == spec.name
        assert asset.kinds
        assert asset.code_version == spec.rules_digest


@each_stream
def test_the_chain_is_landing_validated_manifest_table_event_hours(spec: StreamSpec, specs):
    *chain, quarantine = StreamKeys.of(spec).in_order
    assert [d.asset_key for d in specs[quarantine].deps] == [StreamKeys.of(spec).table]
    for upstream, downstream in pairwise(chain):
        assert [d.asset_key for d in specs[downstream].deps] == [upstream]


@each_stream
def test_the_table_shows_its_columns_and_where_they_come_from(spec: StreamSpec, specs):
    """Column types, required ones, and lineage derive from the spec alone."""
    metadata = specs[StreamKeys.of(spec).table].metadata
    columns = metadata["dagster/column_schema"].columns
    assert [c.name for c in columns] == [*(f.column for f in spec.fields), "landing_hour"]
    assert {c.name for c in columns if not c.constraints.nullable} == {
        *(f.column for f in spec.required_fields),
        "landing_hour",
    }
    lineage = metadata["dagster/column_lineage"].deps_by_column
    assert {column: deps[0].column_name for column, deps in lineage.items()} == {
        f.column: f.path for f in spec.fields
    }


@each_stream
def test_partitions_are_utc_hours_up_to_the_running_one(spec: StreamSpec, specs):
    """Firehose is still writing the running hour; without its partition the newest data could not be loaded."""
    partitions = specs[StreamKeys.of(spec).table].partitions_def
    assert isinstance(partitions, dg.HourlyPartitionsDefinition)
    assert partitions.get_first_partition_key() == spec.first_hour.partition_key
    before = LandingHour.containing(datetime.now(UTC)).partition_key
    last = partitions.get_last_partition_key()
    assert last in {before, LandingHour.containing(datetime.now(UTC)).partition_key}


@each_stream
def test_backfills_run_24_hours_a_run_in_one_process(spec: StreamSpec, definitions):
    """A run a partition costs sixty times as much; a process a step four times."""
    asset = definitions.resolve_assets_def(StreamKeys.of(spec).table)
    assert asset.backfill_policy == dg.BackfillPolicy.multi_run(24)
    assert asset.op.pool == "redshift"
    job = definitions.resolve_job_def(f"load_{spec.name}")
    assert job.executor_def.name == dg.in_process_executor.name
    assert set(job.asset_layer.selected_asset_keys) == set(StreamKeys.of(spec).in_order)


@each_stream
def test_only_the_invalid_share_blocks(spec: StreamSpec, definitions):
    """A warning that blocks costs good records; a threshold that does not block is none."""
    asset = definitions.resolve_assets_def(StreamKeys.of(spec).table)
    found = {(c.asset_key.path[0], c.name): c.blocking for c in asset.check_specs}
    assert {name for (_, name), blocking in found.items() if blocking} == {"invalid_share_within_threshold"}
    assert {name for (layer, name) in found if layer == "validated"} == {
        "required_fields_not_null",
        "no_malformed_records",
        "invalid_share_within_threshold",
        "schema_drift",
        "truncation",
        "exact_duplicates",
    }
    assert {name for (layer, name) in found if layer == spec.schema} == {
        "rows_loaded_equal_valid",
        "conservation",
        "rewritten_objects",
    }


@each_stream
def test_automation_is_on_by_default(spec: StreamSpec, definitions):
    """`weblogs up` alone has to load what arrives."""
    sensor = definitions.resolve_sensor_def(f"watch_{spec.name}")
    schedule = definitions.resolve_schedule_def(f"reconcile_{spec.name}")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "7 * * * *"


def test_freshness_is_that_of_the_stream(specs):
    for spec in (WEB_LOGS, CUSTOMER_INTERACTIONS):
        policy = specs[StreamKeys.of(spec).table].freshness_policy
        assert policy.fail_window.to_timedelta().total_seconds() == spec.freshness_hours * 3600
