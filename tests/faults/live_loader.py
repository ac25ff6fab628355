"""What loads live traffic: `python -m tests.faults.live_loader FOLDER`, with the stack in its environment.

The sensor of each Firehose stream is evaluated again and again, and the runs that it requests are carried out, one after
the other, as Dagster's daemon and its queue do in processes of their own; every few minutes the reconcile. Left out of a
daemon are only its pauses between ticks. It is killed at any time, and its next life knows nothing of the one before: the
instance is a new one in FOLDER.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from typing import NoReturn

import dagster as dg

from tests.faults.keeper import Keeper
from weblogs_platform.streams import FIREHOSE_STREAMS

_RECONCILE_SECS = 120.0
_QUIET_SECS = 0.5


def main(folder: str) -> NoReturn:
    home = tempfile.mkdtemp(prefix="instance-", dir=folder)
    with dg.DagsterInstance.local_temp(home) as instance:
        keepers = [Keeper(spec, {}, instance, datetime.now(UTC)) for spec in FIREHOSE_STREAMS]
        reconciled = time.monotonic()
        while True:
            ran = 0
            reconciles = time.monotonic() - reconciled > _RECONCILE_SECS
            for keeper in keepers:
                keeper.now = datetime.now(UTC)
                ran += keeper.tick()
                if reconciles:
                    ran += keeper.reconcile()
                    reconciled = time.monotonic()
            if not ran:
                time.sleep(_QUIET_SECS)


if __name__ == "__main__":
    main(sys.argv[1])
