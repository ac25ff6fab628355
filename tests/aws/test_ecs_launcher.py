"""A run on ECS, as `deploy/dagster/launchers/ecs.yaml` starts it: its image, role, environment and secrets, by the task
definition that the launcher registers with moto. ECS itself is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterRun
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import ListRepositoriesResponse
from dagster._serdes import ConfigurableClassData, deserialize_value
from dagster_aws.ecs import EcsRunLauncher, launcher
from dagster_aws.ecs.container_context import EcsContainerContext
from dagster_aws.ecs.tasks import CurrentEcsTaskMetadata

from tests.aws.conftest import REGION, Aws
from tests.aws.templates import ACCOUNT, Template, load
from tests.browser.dagster_api import wait_for
from weblogs_platform.core.task_policies import (
    RUN_PREFIX,
    daemon_policy,
    execution_policy,
    logs_policy,
    webserver_policy,
)
from weblogs_platform.local import ports
from weblogs_platform.local.environment import inherited
from weblogs_platform.settings import PROJECT_ROOT

CONFIG = PROJECT_ROOT / "deploy" / "dagster" / "launchers" / "ecs.yaml"
README = PROJECT_ROOT / "deploy" / "dagster" / "README.md"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/weblogs-platform:1"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:postgres-AbCdEf"
RUN_ROLE = f"arn:aws:iam::{ACCOUNT}:role/platform"
VARIABLES = {
    "DAGSTER_RUN_ROLE": RUN_ROLE,
    "DAGSTER_RUN_EXECUTION_ROLE": f"arn:aws:iam::{ACCOUNT}:role/execution",
    "DAGSTER_RUN_LOG_GROUP": "runs",
    "DAGSTER_POSTGRES_PASSWORD_SECRET": SECRET,
    "DAGSTER_LOGS_BUCKET": "logs",
    "DAGSTER_POSTGRES_HOST": "postgres.internal",
    "DAGSTER_POSTGRES_PORT": "5432",
    "DAGSTER_POSTGRES_DATABASE": "dagster",
    "DAGSTER_POSTGRES_USER": "dagster",
    "PGSSLROOTCERT": "/etc/ssl/rds.pem",
    "WEBLOGS_SETTINGS": "/srv/weblogs/weblogs.toml",
}
"""What the daemon's task has."""


def _config() -> dict[str, Any]:
    return yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["run_launcher"]["config"]


@pytest.fixture
def built(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> EcsRunLauncher:
    """The launcher of the file, as the daemon makes it, before moto."""
    more = {"AWS_ENDPOINT_URL": aws.url, "AWS_DEFAULT_REGION": REGION}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in {**VARIABLES, **more, **keys}.items():
        monkeypatch.setenv(name, value)
    text = yaml.safe_dump(_config())
    made = ConfigurableClassData("dagster_aws.ecs", "EcsRunLauncher", text).rehydrate(EcsRunLauncher)
    # The metadata of the daemon's own task: what ECS tells a container, and where it runs.
    monkeypatch.setattr(
        launcher, "get_current_ecs_task_metadata", lambda: CurrentEcsTaskMetadata("cluster", "task")
    )
    monkeypatch.setattr(launcher, "get_current_ecs_task", lambda *_: {})
    monkeypatch.setattr(
        launcher, "get_task_kwargs_from_current_task", lambda *_: {"cluster": "c", "launchType": "FARGATE"}
    )
    return made


def _run(image: str | None) -> DagsterRun:
    code = RepositoryPythonOrigin(sys.executable, ModuleCodePointer("m", "repository"), image)
    location = GrpcServerCodeLocationOrigin(host="code", port=4000, location_name="weblogs_platform")
    return DagsterRun(
        job_name="load_web_logs",
        job_code_origin=JobPythonOrigin("load_web_logs", code),
        remote_job_origin=RemoteJobOrigin(
            RemoteRepositoryOrigin(location, "__repository__"), "load_web_logs"
        ),
    )


def _asked(built: EcsRunLauncher, run: DagsterRun) -> dict[str, Any]:
    """What the launcher would ask ECS to run."""
    image = built.get_image_for_run(LaunchRunContext(run, workspace=None))
    return built._run_task_kwargs(run, image, EcsContainerContext.create_for_run(run, built))


def test_a_run_has_the_platforms_image_role_and_environment(aws: Aws, built: EcsRunLauncher) -> None:
    """With the daemon's role it can load nothing; with a role of both, the daemon could."""
    asked = _asked(built, _run(IMAGE))
    assert asked["taskDefinition"].startswith(RUN_PREFIX)
    assert (asked["cluster"], asked["launchType"]) == ("c", "FARGATE")
    described = aws.client("ecs").describe_task_definition(taskDefinition=asked["taskDefinition"])
    definition = described["taskDefinition"]
    assert definition["taskRoleArn"] == RUN_ROLE
    assert definition["executionRoleArn"] == VARIABLES["DAGSTER_RUN_EXECUTION_ROLE"]
    assert definition["requiresCompatibilities"] == ["FARGATE"]
    (container,) = definition["containerDefinitions"]
    assert (container["name"], container["image"]) == ("run", IMAGE)
    assert container["logConfiguration"]["options"]["awslogs-group"] == "runs"
    assert container["secrets"] == [{"name": "DAGSTER_POSTGRES_PASSWORD", "valueFrom": SECRET}]
    environment = {e["name"]: e["value"] for e in container["environment"]}
    of_daemon_alone = {n for n in VARIABLES if n.startswith("DAGSTER_RUN_") or n.endswith("_SECRET")}
    expected = {n: v for n, v in VARIABLES.items() if n not in of_daemon_alone}
    assert environment == {**expected, "DAGSTER_RUN_JOB_NAME": "load_web_logs"}


def test_without_the_code_locations_image_no_run_starts(built: EcsRunLauncher) -> None:
    """Why DAGSTER_CURRENT_IMAGE is in the table of variables."""
    with pytest.raises(Exception, match="Could not determine image"):
        _asked(built, _run(None))


def test_the_code_location_says_its_image(tmp_path: Path) -> None:
    """By the variable that the README names, with its command."""
    (tmp_path / "little.py").write_text("import dagster as dg\n\n\n@dg.job\ndef a(): ...\n")
    readme = README.read_text(encoding="utf-8")
    assert "`dagster api grpc --module-name" in readme
    assert "| `DAGSTER_CURRENT_IMAGE` | code location" in readme
    port = ports.any_free("code")
    command = [sys.executable, "-m", "dagster", "api", "grpc", "--module-name", "little"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host", ports.LOOPBACK, "--port", str(port)],
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            env=inherited({"DAGSTER_CURRENT_IMAGE": IMAGE, "DAGSTER_HOME": ""}),
        )
        try:
            client = DagsterGrpcClient(port=port, host=ports.LOOPBACK)

            def answers() -> bool:
                try:
                    client.ping("")
                except DagsterUserCodeUnreachableError:
                    return False
                return True

            wait_for(answers, 90, "the code location")
            found = deserialize_value(client.list_repositories(), ListRepositoriesResponse)
            assert found.container_image == IMAGE
        finally:
            process.kill()  # asked to end, it takes its time on a busy machine
            process.wait()


def test_every_variable_of_the_launcher_is_in_the_table() -> None:
    table = README.read_text(encoding="utf-8").partition("## Variables")[2].partition("\n## ")[0]
    # PostgreSQL's stand in one line of it.
    shortened = {f"DAGSTER_POSTGRES_{n}": f"`_{n}`" for n in ("PORT", "DATABASE", "USER", "PASSWORD")}
    for name in VARIABLES:
        assert shortened.get(name, name) in table, name


def _dagster() -> Template:
    given = {"LogsBucketName": "logs", "PlatformRoleArn": RUN_ROLE, "PostgresSecretArn": SECRET}
    return Template(load("dagster.yaml"), given)


def test_the_roles_of_the_template_are_the_policies() -> None:
    """The daemon starts tasks with the platform's role, and has none of its rights."""
    template = _dagster()
    log_group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:RunLogs"
    passed = [RUN_ROLE, f"arn:aws:iam::{ACCOUNT}:role/ExecutionRole"]
    expected = {
        "DaemonRole": daemon_policy(REGION, ACCOUNT, passed, log_group),
        "WebserverRole": webserver_policy(REGION, ACCOUNT),
        "ExecutionRole": execution_policy(SECRET),
    }
    assert set(template.of_type("AWS::IAM::Role")) == set(expected)
    for role, document in expected.items():
        properties = template.properties(role)
        (policy,) = properties["Policies"]
        assert policy["PolicyDocument"] == document, role
        (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    execution = template.properties("ExecutionRole")["ManagedPolicyArns"]
    assert execution == ["arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"]


def test_output_is_kept_where_all_of_dagster_may_write() -> None:
    template = _dagster()
    policy = template.properties("LogsPolicy")
    assert policy["PolicyDocument"] == logs_policy("logs")
    assert policy["Roles"] == [
        {"Fn::Select": [1, {"Fn::Split": ["/", RUN_ROLE]}]},
        "DaemonRole",
        "WebserverRole",
    ]
    compute_logs = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["compute_logs"]["config"]
    assert compute_logs["prefix"] == "compute-logs"
    bucket = template.properties("LogsBucket")
    assert bucket["BucketName"] == "logs"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


def test_the_outputs_are_the_launchers_variables() -> None:
    outputs = {o["Description"] for o in load("dagster.yaml")["Outputs"].values()}
    named = {d for d in outputs if d.isupper()}
    asked = {n for n in VARIABLES if n.startswith("DAGSTER_RUN_") or n.endswith("_SECRET")}
    assert named == {*asked, "DAGSTER_LOGS_BUCKET"}
