"""A new stream is three files: a spec, a DDL and a jsonpaths file. Proven in a copy of the project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.pipeline.hours import Roles
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.settings import PROJECT_ROOT

SPEC = """
SHIPMENTS = StreamSpec(
    name="shipments",
    landing_prefix="firehose/shipments",
    schema="shopware_stream",
    table="shipment_stream",
    description="Parcels on their way.",
    owner="team:support",
    payload="parcel",
    flat_names={"received": "timestamp"},
    event_time=("sent_at", "seen_at"),
    fields=(
        Field(column="parcel_id", type=Varchar(20), path="$.parcel.id", required=True, description="The parcel."),
        Field(column="weight", type=Double(), path="$.parcel.weight", description="Kilograms."),
        Field(column="stops", type=Integer(), path="$.parcel.stops", minimum=0, description="Stops so far."),
        Field(column="sent_at", type=Timestamp(), path="$.parcel.sent", description="When it left, UTC."),
        Field(column="seen_at", type=Timestamp(source="epoch_secs"), path="$.timestamp", description="The scan, UTC."),
    ),
)
"""

DDL = """CREATE TABLE IF NOT EXISTS shopware_stream.shipment_stream (
    parcel_id VARCHAR(20), weight FLOAT, stops INT, sent_at TIMESTAMP, seen_at TIMESTAMP,
    landing_hour TIMESTAMP NOT NULL, event_at TIMESTAMP NOT NULL
)
DISTKEY (parcel_id)
SORTKEY (landing_hour);
"""

JSONPATHS = ["$.parcel.id", "$.parcel.weight", "$.parcel.stops", "$.parcel.sent", "$.timestamp"]

SCRIPT = """
import json
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.definitions import defs
from weblogs_platform.pipeline import provision
from weblogs_platform.pipeline.load import load_hour
from weblogs_platform.pipeline.validate import validate_hour
from weblogs_platform.settings import Settings
from weblogs_platform.streams import stream_named
from tests.pipeline.child import lake_of
from weblogs_platform.clients.warehouse import warehouse_of

settings = Settings.from_env()
lake, warehouse = lake_of(settings), warehouse_of(settings)
spec, hour = stream_named("shipments"), LandingHour.from_argument("2025-07-20T10")
provision.initialise(lake, warehouse)
report = validate_hour(lake, spec, hour)
load_hour(lake, warehouse, spec, hour, run_id="third")
with warehouse.transaction() as tx:
    rows = tx.fetch_all("SELECT * FROM shopware_stream.shipment_stream ORDER BY parcel_id")
assets = [key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()]
print(json.dumps({"rows": rows, "reasons": report.reasons, "assets": assets}, default=str))
"""

RECORDS = [
    '{"parcel": {"id": "p1", "weight": 1.25, "stops": 3, "sent": "2025-07-20T08:00:00"}, "timestamp": 1753005600.5}',
    '{"id": "p2", "weight": null, "received": 1753005601}',
    '{"parcel": {"id": "p3", "stops": -1}, "timestamp": 1753005602}',
    '{"parcel": {"weight": 2}}',
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that declares a third stream."""
    copy = tmp_path / "a copy"
    for folder in ("weblogs_platform", "assets", "resources", "sql", "jsonpaths"):
        shutil.copytree(PROJECT_ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "tests/pipeline").mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / "tests/pipeline/child.py", copy / "tests/pipeline/child.py")
    _declare(copy / "weblogs_platform/streams.py")
    (copy / "sql/ddl/22_shipment_stream.sql").write_text(DDL, encoding="utf-8")
    (copy / "jsonpaths/shipments.json").write_text(json.dumps({"jsonpaths": JSONPATHS}), encoding="utf-8")
    return copy


def _declare(streams: Path) -> None:
    before, tuple_of_streams, after = streams.read_text(encoding="utf-8").partition(
        "FIREHOSE_STREAMS: tuple[StreamSpec, ...] = ("
    )
    assert tuple_of_streams
    streams.write_text(f"{before}{SPEC}\n\n{tuple_of_streams}SHIPMENTS, {after}", encoding="utf-8")


def _run(project: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {**variables, "PATH": os.environ["PATH"], "DAGSTER_DISABLE_TELEMETRY": "yes"}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_third_stream_is_three_files(project: Path, warehouse_stack: Endpoints, roles: Roles) -> None:
    """A module names the streams that there are, so that a new one is validated, loaded or shown halfway."""
    key = "firehose/shipments/2025/07/20/10/part"
    roles.delivery.put_object(Bucket=roles.bucket, Key=key, Body="\n".join(RECORDS).encode())
    done = _run(project, warehouse_stack.platform_variables())
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["rows"] == [
        [
            "p1",
            1.25,
            3,
            "2025-07-20 08:00:00",
            "2025-07-20 10:00:00.500000",
            "2025-07-20 10:00:00",
            "2025-07-20 08:00:00",
        ],
        ["p2", None, None, None, "2025-07-20 10:00:01", "2025-07-20 10:00:00", "2025-07-20 10:00:01"],
    ]
    assert found["reasons"] == {"null_required:parcel_id": 1, "out_of_range:stops": 1}
    steps = {
        "landing/shipments",
        "validated/shipments",
        "manifest/shipments",
        "shopware_stream/shipment_stream",
        "event_hours/shipments",
    }
    assert steps <= set(found["assets"])


def test_a_jsonpaths_file_that_contradicts_its_spec_is_refused(
    project: Path, warehouse_stack: Endpoints
) -> None:
    """Columns of a new stream are filled with each other's values."""
    swapped = [*JSONPATHS[1::-1], *JSONPATHS[2:]]
    (project / "jsonpaths/shipments.json").write_text(json.dumps({"jsonpaths": swapped}), encoding="utf-8")
    done = _run(project, warehouse_stack.platform_variables())
    assert done.returncode != 0
    assert "jsonpaths of shipments: differs from the spec" in done.stderr
