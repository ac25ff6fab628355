"""What it costs to copy one large hour into the lakehouse: seconds, and the copying process's highest memory.

    python -m benchmarks.lakehouse [DOUBLINGS]

Starts a stack of its own, fills an hour of the web logs' table with 2^DOUBLINGS rows (21: two million) by statements
alone, copies it, compares it (the comparison is part of every copy), and prints a line for the first copy, one for the
run that finds nothing to do, and what stands in S3.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.meter import Meter
from resources import LakehouseResource, RedshiftResource
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.lakehouse import copied_columns
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.statements import LEDGER_COLUMNS, RecordLoads
from weblogs_platform.local.stack import Stack
from weblogs_platform.pipeline.lakehouse import copy_hour
from weblogs_platform.pipeline.provision import initialise
from weblogs_platform.streams import WEB_LOGS

HOUR = LandingHour.from_argument("2025-07-20T10")


def fill(warehouse: Warehouse, doublings: int) -> None:
    """Rows that differ, and a line of the ledger that says that the hour was loaded."""
    table, names = WEB_LOGS.qualified_table, [c.name for c in copied_columns(WEB_LOGS)]
    columns = ", ".join(names)
    moved = columns.replace("session_id", "MD5(session_id || CAST(%s AS VARCHAR(9)))")
    moment = "CAST(%s AS TIMESTAMP)"
    marks = ", ".join([*["%s"] * 6, moment, "%s", moment, moment])
    values = (
        "Click",
        "Edge",
        "Desktop",
        "explore/tags/categories",
        "5089",
        "0",
        HOUR.sql,
        1753005600.25,
        HOUR.sql,
    )
    ledger = dict.fromkeys(LEDGER_COLUMNS, 0) | {
        "stream": WEB_LOGS.name,
        "landing_hour": HOUR.sql,
        "run_id": "b",
    }
    ledger |= dict.fromkeys(("object_key", "etag", "rules", "load_key", "invalid_key", "manifest_key"), "b")
    with warehouse.transaction() as tx:
        tx.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", (*values, HOUR.sql))
        for n in range(doublings):
            tx.execute(f"INSERT INTO {table} ({columns}) SELECT {moved} FROM {table}", (str(n),))
        tx.insert_lines(RecordLoads, [tuple(ledger.values())])


def main(doublings: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder) / "home").running(dagster=False) as endpoints,
    ):
        variables = endpoints.platform_variables()
        lakehouse = LakehouseResource(variables=variables).lakehouse()
        warehouse = RedshiftResource(variables=variables).warehouse()
        initialise(lakehouse.lake, warehouse)
        fill(warehouse, doublings)
        meter = Meter({"copying process": os.getpid()})
        for name in ("first copy", "again, nothing to do"):
            with meter.step(name):
                outcome = copy_hour(lakehouse, warehouse, WEB_LOGS, HOUR, run_id="benchmark")
            [usage] = meter.steps[-1].usage.values()
            print(
                f"{name}: {outcome.action}, {outcome.agreement.copy.rows:,} rows, "
                f"differences {outcome.agreement.differences}, {meter.steps[-1].seconds:.1f} s, "
                f"{usage.cpu_secs:.1f} CPU s, peak {usage.peak_bytes / 2**20:.0f} MiB"
            )
        objects = lakehouse.lake.list_prefix(f"lakehouse/{WEB_LOGS.name}/landing_date=")
        print(f"{len(objects)} files, {sum(o.size_bytes for o in objects) / 2**20:.1f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
