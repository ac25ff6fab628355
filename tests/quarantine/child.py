"""Replays of hours, each in a process that kills itself (SIGKILL) at a step: `python -m tests.quarantine.child`.

It reads lines `HOUR STEP` and answers `killed` or `done`. Steps are counted from 1: every request to S3, every
statement, and the moments right before and right after a commit.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from tests.pipeline.child import lake_of
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.pipeline.replay import Replay, replay_hour
from weblogs_platform.repairs import repair_named
from weblogs_platform.settings import Settings
from weblogs_platform.streams import WEB_LOGS


class Fuse:
    """Ends the process at its n-th step."""

    def __init__(self, step: int) -> None:
        self._left = step

    def step(self, **_: Any) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """A connection whose statements and commits are steps."""

    def __init__(self, connection: Any, fuse: Fuse) -> None:
        self._connection, self._fuse = connection, fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self) -> Any:
        self._fuse.step()
        return self._connection.cursor()

    def commit(self) -> None:
        self._fuse.step()
        self._connection.commit()
        self._fuse.step()


def replay(hour: LandingHour, step: int) -> None:
    settings, fuse = Settings.from_env(), Fuse(step)
    lake, warehouse = lake_of(settings), warehouse_of(settings)
    lake.client.meta.events.register("before-call.s3", fuse.step)
    connect = warehouse.connect
    watched = Warehouse(lambda: Watched(connect(), fuse), warehouse.copy_role_arn, warehouse.region)
    how = Replay(repair=repair_named("user_id_spelling", WEB_LOGS))
    replay_hour(lake, watched, WEB_LOGS, hour, how, run_id=f"killed at {step}")


def main() -> None:
    for line in sys.stdin:
        hour, step = line.split()
        # Before any connection or thread is made, so that each replay has a process of its own.
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            answer = "killed" if os.WIFSIGNALED(status) else "done" if status == 0 else "failed"
            sys.stdout.write(f"{answer}\n")
            sys.stdout.flush()
        else:
            replay(LandingHour.from_argument(hour), int(step))
            os._exit(0)


if __name__ == "__main__":
    main()
