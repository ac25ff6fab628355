"""Generated batch files before the platform's own reader, from S3."""

from __future__ import annotations

import pytest

from tests.local.traffic.test_batch import SHOP, WILD
from weblogs_platform.clients.lake import Lake
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.policies import COPY_PREFIXES
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.traffic.batch import BatchPlan, generate_batch
from weblogs_platform.local.traffic.batch_rows import BatchShares
from weblogs_platform.local.traffic.summary import TrafficSummary
from weblogs_platform.pipeline.validate import validate_hour
from weblogs_platform.streams import BATCH_SOURCES

FIRST = LandingHour.from_argument("2025-07-22T00")
HOURS = 6
CALM = BatchShares()


@pytest.mark.parametrize("shares", [CALM, WILD], ids=["calm", "wild"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_the_platform_finds_what_the_summary_expects(
    fresh_bucket: Endpoints, shares: BatchShares, packed: bool
) -> None:
    """A dialect or a fault is read otherwise than it was meant; or COPY would have to read what its role may
    not."""
    delivery = fresh_bucket.s3("delivery")
    plan = BatchPlan(shop=SHOP, pos_every_hours=1, shares=shares, gzip=packed)
    expected = {}
    for item in generate_batch(plan, FIRST, HOURS):
        delivery.put_object(Bucket=fresh_bucket.bucket, Key=item.key, Body=item.body)
        counts = TrafficSummary.of([item]).streams[item.stream]
        expected[item.key] = (counts.records, counts.good, counts.bad)
    lake = Lake(fresh_bucket.s3("platform"), fresh_bucket.bucket)
    reports = [
        validate_hour(lake, spec, hour) for spec in BATCH_SOURCES for hour in FIRST.until(FIRST.plus(HOURS))
    ]
    files = [file for report in reports for file in report.files]
    assert {f.source.key: (f.records, f.good, f.bad) for f in files} == expected
    to_load = [file.load_key for file in files if file.load_key]
    assert to_load
    assert all(key.startswith(tuple(f"{prefix}/" for prefix in COPY_PREFIXES)) for key in to_load)
