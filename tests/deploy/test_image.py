"""The image of the deployment and the blocks that are put into it. There is no engine here that builds it."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from weblogs_platform.settings import PROJECT_ROOT

DAGSTER = PROJECT_ROOT / "deploy" / "dagster"
IMAGE = (DAGSTER / "Dockerfile").read_text(encoding="utf-8")
README = (DAGSTER / "README.md").read_text(encoding="utf-8")


def _block(launcher: str) -> dict[str, Any]:
    return yaml.safe_load((DAGSTER / "launchers" / f"{launcher}.yaml").read_text(encoding="utf-8"))


def test_nothing_comes_into_the_image_that_is_not_pinned() -> None:
    """Pip builds a project in a place of its own, with the newest setuptools that it finds, without hashes."""
    first, second = re.findall(r"^RUN pip install (.*)$", IMAGE, re.MULTILINE)
    assert "--require-hashes -r requirements/deployment.txt" in first
    assert {"--no-deps", "--no-build-isolation", "--no-index"} <= set(second.split())
    build = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    pinned = (PROJECT_ROOT / "requirements" / "deployment.txt").read_text(encoding="utf-8")
    for requirement in build:
        name, _, least = requirement.partition(">=")
        found = re.search(rf"^{name}==(\d+)", pinned, re.MULTILINE)
        assert found, name
        assert int(found[1]) >= int(least)


@pytest.mark.parametrize("launcher", ["ecs", "kubernetes"])
def test_the_output_of_a_run_outlives_it(launcher: str) -> None:
    compute_logs = _block(launcher)["compute_logs"]
    assert compute_logs["class"] == "S3ComputeLogManager"
    assert compute_logs == _block("ecs")["compute_logs"]


def test_a_pod_finds_dagsters_home_where_its_user_may_write() -> None:
    """Dagster's default is a folder that the image does not have."""
    (home,) = re.findall(r"DAGSTER_HOME=(\S+)", IMAGE)
    assert _block("kubernetes")["run_launcher"]["config"]["dagster_home"] == home
    assert 'chown -R weblogs "$DAGSTER_HOME"' in IMAGE


@pytest.mark.parametrize("launcher", ["ecs", "kubernetes"])
def test_every_variable_of_a_block_is_in_the_table(launcher: str) -> None:
    table = README.partition("## Variables")[2].partition("\n## ")[0]
    text = (DAGSTER / "launchers" / f"{launcher}.yaml").read_text(encoding="utf-8")
    named = re.findall(r"\{env: (\w+)\}", text)
    assert named
    assert not [name for name in named if f"`{name}`" not in table]


def test_the_pool_lets_fewer_runs_load_than_there_are() -> None:
    """A limit as high as that of runs limits nothing; one that a backfill fills alone keeps new hours waiting."""
    found = yaml.safe_load((DAGSTER / "production" / "dagster.yaml").read_text(encoding="utf-8"))
    runs, pools = found["concurrency"]["runs"], found["concurrency"]["pools"]
    (backfills,) = runs["tag_concurrency_limits"]
    assert backfills["key"] == "dagster/backfill"
    assert backfills["limit"] < pools["default_limit"] < runs["max_concurrent_runs"]
