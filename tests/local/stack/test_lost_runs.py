"""Runs whose processes went with the stack: they end in Dagster's books before the stack's Dagster is there again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
from dagster._core.test_utils import create_run_for_test

from weblogs_platform.local.dagster_ui import INSTANCE_FILE
from weblogs_platform.settings import PROJECT_ROOT


def _become(folder: Path) -> str:
    """What `lost_runs` and the command it becomes print."""
    command = [
        sys.executable,
        "-m",
        "weblogs_platform.local.lost_runs",
        sys.executable,
        "-c",
        "print('began')",
    ]
    environment = {"DAGSTER_HOME": str(folder), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_runs_under_way_have_failed_and_others_stay(tmp_path: Path) -> None:
    """A run that died with the stack holds its hours and its place in the pool for four hours."""
    (tmp_path / "dagster.yaml").write_text(INSTANCE_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    assert _become(tmp_path) == "began\n"
    statuses = {
        dg.DagsterRunStatus.STARTED: "FAILURE",
        dg.DagsterRunStatus.STARTING: "FAILURE",
        dg.DagsterRunStatus.CANCELING: "FAILURE",
        dg.DagsterRunStatus.NOT_STARTED: "NOT_STARTED",
        dg.DagsterRunStatus.SUCCESS: "SUCCESS",
    }
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        runs = {
            create_run_for_test(instance, "load_web_logs", status=before).run_id: after
            for before, after in statuses.items()
        }
    told = _become(tmp_path)
    assert told.count("is lost") == 3
    assert told.endswith("began\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert {run.run_id: run.status.value for run in instance.get_runs()} == runs
    assert _become(tmp_path) == "began\n"
