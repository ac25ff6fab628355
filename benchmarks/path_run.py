"""The loading process of the benchmark: one hour through the four steps, as a Dagster run takes it.

    python -m benchmarks.path_run HOUR NAME=PID...

The clients are those of the Dagster resources, with the settings of `$WEBLOGS_HOME`. Measures itself and the named
processes, and prints one JSON line. Starting Python and importing Dagster (in memory all the same) are not timed.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from benchmarks.meter import Meter
from resources.lake import LakeResource
from resources.redshift import RedshiftResource
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.pipeline.landing import list_hour
from weblogs_platform.pipeline.load import load_hour
from weblogs_platform.pipeline.manifest import prepare_hour
from weblogs_platform.pipeline.validate import validate_hour
from weblogs_platform.streams import WEB_LOGS

LOADER = "loading process"


def path_run(hour: LandingHour, processes: dict[str, int]) -> dict[str, Any]:
    """Takes the hour through; the steps, and the counts that show that it arrived."""
    lake, warehouse = LakeResource().lake(), RedshiftResource().warehouse()
    meter = Meter({LOADER: os.getpid(), **processes})
    with meter.step("landing"):
        listed = list_hour(lake, WEB_LOGS, hour)
    with meter.step("validated"):
        report = validate_hour(lake, WEB_LOGS, hour)
    with meter.step("manifest"):
        prepare_hour(lake, warehouse, WEB_LOGS, hour)
    with meter.step("stream table"):
        outcome = load_hour(lake, warehouse, WEB_LOGS, hour, run_id="benchmark")
    return {
        "steps": [asdict(step) for step in meter.steps],
        "objects": len(listed),
        "records": report.records,
        "quarantined": report.bad,
        "rows": outcome.table_rows,
    }


if __name__ == "__main__":
    named = dict(argument.rsplit("=", 1) for argument in sys.argv[2:])
    run = path_run(
        LandingHour.from_partition_key(sys.argv[1]), {name: int(pid) for name, pid in named.items()}
    )
    print(json.dumps(run))
