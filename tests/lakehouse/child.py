"""A copy of an hour as a process of its own: `python -m tests.lakehouse.child STREAM HOUR`.

It finds the stack through the environment, as a run does, tries Transient errors again, and prints what it did.
"""

from __future__ import annotations

import sys

from assets.retry import Backoff
from resources import LakehouseResource, RedshiftResource
from tests.lakehouse.widening import PREFIX as WIDENING
from tests.lakehouse.widening import wide
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.pipeline.lakehouse import copy_hour
from weblogs_platform.streams import stream_named


def main(stream: str, hour: str) -> None:
    lakehouse, warehouse = LakehouseResource().lakehouse(), RedshiftResource().warehouse()
    spec = wide(stream) if stream.startswith(WIDENING) else stream_named(stream)
    landing_hour = LandingHour.from_argument(hour)
    again = Backoff((0.1, 0.2, 0.4, 0.8))
    outcome = again.call(
        lambda: copy_hour(lakehouse, warehouse, spec, landing_hour, run_id="child"), lambda *_: None
    )
    print(outcome.action, outcome.agreement.copy.rows, *outcome.agreement.differences)


if __name__ == "__main__":
    main(*sys.argv[1:])
