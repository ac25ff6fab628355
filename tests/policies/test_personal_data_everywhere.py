"""Planted values again, and everything else that the platform writes: refreshes, alerts, batch files, commands, logs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.automation.alerts import alert_sensor
from assets.automation.runs import PARTITION_TAG
from assets.keys import derived_key
from resources import RedshiftResource
from tests.assets.receivers import publishing, receiving
from tests.pipeline.hours import Hour
from tests.pipeline.records import encoded, interaction
from tests.policies.planted import SECRET, files_with_secret, planted, run
from weblogs_platform.definitions import build_definitions
from weblogs_platform.kpis import TABLES, table_named
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline import refresh
from weblogs_platform.settings import PROJECT_ROOT
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, INVENTORY, POS, STREAMS

CSV_HEADER = "transaction_id,store_id,product_id,quantity,revenue,discount_applied,timestamp"
CSV_FILES = {
    "header": f"{CSV_HEADER},{planted(40)}\r\nt-1,1,2,3,4.0,0,1704067200,{planted(41)}\r\n",
    "cells": f"{CSV_HEADER}\r\n{planted(42)},{planted(43)},x{planted(44)},-1,{planted(45)},,{planted(46)}\r\n",
    "quotes": f'{CSV_HEADER}\r\n"{planted(47)},1,2,3,4,5,6\r\n{planted(48)}',
    "other": f"{planted(49)};{planted(50)}\r\n{planted(51)};1\r\n",
    "text": planted(52),
}
STOCK = {
    "broken": f'{{"inventory_id": "{planted(53)}", ',
    "types": json.dumps([{"inventory_id": "i-1", "product_id": planted(54), planted(55): planted(56)}]),
    "text": planted(57),
}


def logs_of(stack: Endpoints) -> list[str]:
    """The logs of the servers, S3 and Redshift, that hold a planted value."""
    assert {"s3.log", "redshift.log"} <= {path.name for path in (stack.home / "logs").iterdir()}
    return files_with_secret(stack.home / "logs")


@pytest.mark.parametrize(("spec", "files"), [(POS, CSV_FILES), (INVENTORY, STOCK)], ids=["pos", "inventory"])
def test_batch_files_tell_none(
    hour: Hour,
    instance: dg.DagsterInstance,
    warehouse_stack: Endpoints,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    spec,
    files: dict[str, str],
) -> None:
    """A header is named by its words, a cell is quoted, or a name of a column stands in a report."""
    hour = hour.of(spec)
    for second, text in enumerate(files.values()):
        hour.drop(f"30{second:02}.{'csv' if spec is POS else 'json'}", text.encode())
    result = run(instance, hour, warehouse_stack)
    assert any(event.is_step_materialization for event in result.all_events)
    report = hour.validate()
    assert len(report.files) == len(files)
    assert report.bad >= 3
    assert files_with_secret(tmp_path) == []
    shown = capfd.readouterr()
    assert SECRET not in shown.out + shown.err
    assert logs_of(warehouse_stack) == []
    for key, (_, body) in hour.derived_objects().items():
        if key.startswith(("reports", "manifests")):
            assert SECRET.encode() not in body, key


@pytest.mark.timeout(300)  # two loads, twelve tables
def test_refreshes_and_alerts_tell_none(
    planted_hour: Hour,
    instance: dg.DagsterInstance,
    warehouse_stack: Endpoints,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A KPI's metadata, the words of a refused value, a chat or a pager carry what a customer wrote."""
    planted_hour.of(CUSTOMER_INTERACTIONS).drop(
        "a", encoded(interaction(1, message_excerpt=planted(60), channel=planted(61)))
    )
    variables = {**warehouse_stack.platform_variables(), "WEBLOGS_HOME": str(warehouse_stack.home)}
    for spec in (planted_hour.spec, CUSTOMER_INTERACTIONS):
        assert run(instance, planted_hour.of(spec), warehouse_stack).run_id
    definitions = build_definitions(variables=variables)
    jobs = {
        "refresh_hours": planted_hour.hour.partition_key,
        "refresh_days": f"{planted_hour.hour.start:%Y-%m-%d}",
    }
    for job, partition in jobs.items():
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance, tags={PARTITION_TAG: partition}, raise_on_error=False
        )
        assert result.success
    # A statement whose refusal quotes a value: that of the first visitor.
    monkeypatch.setattr(
        refresh,
        "statement_of",
        lambda _: (
            "INSERT INTO shopware_kpis.web_session (session_id) "
            f"SELECT CAST(CAST(user_id AS INTEGER) AS VARCHAR) FROM {planted_hour.spec.qualified_table} "
            f"WHERE landing_hour = CAST('{planted_hour.hour.sql}' AS TIMESTAMP)"
        ),
    )
    key = derived_key(table_named("web_session"))
    [grain] = [t.grain for t in TABLES if derived_key(t) == key]
    refused = definitions.resolve_job_def(f"refresh_{grain}s").get_subset(asset_selection={key})
    result = refused.execute_in_process(
        instance=instance, tags={PARTITION_TAG: jobs[f"refresh_{grain}s"]}, raise_on_error=False
    )
    assert not result.success
    with receiving() as webhook, publishing() as sns:
        told = {**variables, **sns.variables, "WEBLOGS_ALERT_WEBHOOK": webhook.address}
        context = dg.build_sensor_context(
            instance=instance, resources={"redshift": RedshiftResource(variables=variables)}
        )
        with context:
            alert_sensor(STREAMS, told)(context)
        assert any("refresh_web_session" in text for text in webhook.texts)
        assert SECRET not in json.dumps(webhook.posted) + json.dumps(sns.take())
    with planted_hour.warehouse.transaction() as tx:
        assert SECRET not in repr(tx.fetch_all("SELECT * FROM shopware_ops.alerts"))
    assert files_with_secret(tmp_path) == []
    shown = capfd.readouterr()
    assert SECRET not in shown.out + shown.err
    assert logs_of(warehouse_stack) == []


@pytest.mark.timeout(300)  # eight processes, each of which imports Dagster or a driver
def test_commands_tell_none(planted_hour: Hour, warehouse_stack: Endpoints, tmp_path: Path) -> None:
    """A command prints what it loads, refuses or repairs; only `quarantine show` and `export` are for that, and only
    with --raw."""
    environment = {
        **warehouse_stack.platform_variables(),
        "WEBLOGS_HOME": str(warehouse_stack.home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    first, end = (h.sql[:13].replace(" ", "T") for h in (planted_hour.hour, planted_hour.hour.plus(1)))
    span = ["--from", first, "--to", end]
    day = ["--from", first[:10], "--to", planted_hour.hour.plus(24).sql[:10]]
    edited = tmp_path / "edited.jsonl"
    edited.write_text(json.dumps({"object": planted(70), "etag": "e", "offset": 0, "raw": planted(71)}))
    quarantine = ["--stream", "web_logs", *span]
    commands = [
        (["load", *quarantine], 0),
        (["quarantine", "list", *quarantine], 0),
        (["quarantine", "stats", *quarantine], 0),
        (["quarantine", "export", *quarantine], 0),
        (["quarantine", "replay", *quarantine, "--repair", "user_id_spelling"], 1),
        (["quarantine", "replay", *quarantine, "--edited", str(edited)], 1),
        (["refresh", *day], 0),
        (["verify", *span], None),
    ]
    for arguments, status in commands:
        done = subprocess.run(
            [sys.executable, "-m", "weblogs_platform.cli", *arguments],
            env=environment, capture_output=True, check=False, timeout=100,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert status is None or done.returncode == status, (arguments, said)
        assert said
        assert SECRET.encode() not in said, arguments
    assert logs_of(warehouse_stack) == []
