"""Ends, in Dagster's books, the runs that were under way when the stack went down, and becomes the given command:
`python -m weblogs_platform.local.lost_runs COMMAND...`.

Dagster's launcher of local runs cannot tell that a run's process is gone. Its hours would count as in progress, and
its place in the pool as taken, until the run's longest time is over. Whoever starts the stack has its lock, and has
swept what was left of it: nothing can be under way, nor can a `weblogs load` elsewhere, whose servers were away. A run
that failed so is requested again, by the sensors or by the instance's own retry.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance

UNDER_WAY = ("STARTING", "STARTED", "CANCELING")
"""Queued runs are not lost: the next daemon takes them up."""

_RUNS = Path("history", "runs.db")
_WHY = "its process ended when the stack went down, before the run was over"


def main() -> None:
    if _has_any(Path(os.environ["DAGSTER_HOME"])):
        # Two seconds, which only those pay who need it.
        from dagster import DagsterInstance

        with DagsterInstance.get() as instance:
            for run_id in end(instance):
                sys.stdout.write(f"run {run_id} is lost: {_WHY}\n")
        sys.stdout.flush()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the component, as told by the supervisor


def end(instance: DagsterInstance) -> list[str]:
    """Has every run that is under way failed, and frees what it holds; their ids."""
    from dagster import DagsterRunStatus, RunsFilter

    lost = instance.get_runs(filters=RunsFilter(statuses=[DagsterRunStatus(name) for name in UNDER_WAY]))
    for run in lost:
        instance.report_run_failed(run, f"Lost: {_WHY}.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in lost]


def _has_any(folder: Path) -> bool:
    """Whether the instance of that folder has runs under way; read without Dagster."""
    if not (folder / _RUNS).is_file():
        return False
    with closing(sqlite3.connect(folder / _RUNS)) as connection:
        try:
            [(found,)] = connection.execute(
                f"SELECT COUNT(*) FROM runs WHERE status IN ({', '.join('?' * len(UNDER_WAY))})", UNDER_WAY
            )
        except sqlite3.OperationalError:
            return True  # a file that Dagster has not finished, or another version's: let Dagster look
    return bool(found)


if __name__ == "__main__":
    main()
