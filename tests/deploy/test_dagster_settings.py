"""What Dagster says of deploy/dagster's settings, without a server."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import validate_config
from dagster._core.instance.config import dagster_instance_config_schema
from dagster_aws.ecs import EcsRunLauncher
from dagster_aws.s3.compute_log_manager import S3ComputeLogManager

from tests.deploy.processes import PRODUCTION
from weblogs_platform.settings import PROJECT_ROOT

LOCAL = PROJECT_ROOT / "deploy" / "dagster" / "local" / "dagster.yaml"
LAUNCHERS = PROJECT_ROOT / "deploy" / "dagster" / "launchers"


def _settings(*files: Path) -> dict[str, Any]:
    return yaml.safe_load("".join(file.read_text(encoding="utf-8") for file in files))


def test_what_both_instances_must_have_is_the_same() -> None:
    """A setting is mended for the laptop and forgotten for the deployment."""
    local, production = _settings(LOCAL), _settings(PRODUCTION / "dagster.yaml")
    for name in ("telemetry", "nux", "freshness", "retention"):
        assert local[name] == production[name], name
    assert production["run_retries"]["retry_on_asset_or_op_failure"] is False


@pytest.mark.parametrize("launcher", ["default", "ecs", "kubernetes"])
def test_dagster_takes_the_settings(launcher: str) -> None:
    """A name that Dagster does not know: found when the daemon starts, in production."""
    files = [
        PRODUCTION / "dagster.yaml",
        *([] if launcher == "default" else [LAUNCHERS / f"{launcher}.yaml"]),
    ]
    outcome = validate_config(dagster_instance_config_schema(), _settings(*files))
    assert outcome.success, outcome.errors


@pytest.mark.parametrize(
    ("block", "configured"),
    [("run_launcher", EcsRunLauncher), ("compute_logs", S3ComputeLogManager)],
)
def test_ecs_takes_its_settings(block: str, configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting of the launcher that it does not have: found with the first run, in production."""
    monkeypatch.setenv("DAGSTER_LOGS_BUCKET", "logs")
    settings = _settings(LAUNCHERS / "ecs.yaml")[block]
    assert getattr(import_module(settings["module"]), settings["class"]) is configured
    outcome = validate_config(configured.config_type(), settings["config"])
    assert outcome.success, outcome.errors
