"""Who of Dagster's processes may do what on ECS: the one source of the policies of `deploy/aws/dagster.yaml`, beside
core/policies.py. Neither daemon nor webserver may touch the lake, the warehouse or their secrets."""

from __future__ import annotations

from collections.abc import Sequence

from weblogs_platform.core.policies import Document, allow, document

RUN_PREFIX = "weblogs-run"
"""How the names of runs' task definitions begin (`deploy/dagster/launchers/ecs.yaml`)."""


def logs_policy(bucket: str) -> Document:
    """The output of tasks, in a bucket of its own: every process of Dagster writes and reads it."""
    bucket_arn = f"arn:aws:s3:::{bucket}"
    return document(
        allow(("s3:ListBucket",), [bucket_arn]),
        allow(("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), [f"{bucket_arn}/compute-logs/*"]),
    )


def daemon_policy(region: str, account: str, passed_roles: Sequence[str], log_group: str) -> Document:
    """What the launcher calls: it registers a task definition for each job, runs and stops tasks, and reads the end of
    the log of one that failed. Those with every resource know no narrower one, or name what is not there yet."""
    ecs = f"arn:aws:ecs:{region}:{account}"
    return document(
        allow(("ecs:RunTask",), [f"{ecs}:task-definition/{RUN_PREFIX}*"]),
        allow(("ecs:StopTask", "ecs:DescribeTasks", "ecs:TagResource"), [f"{ecs}:task/*"]),
        allow(
            ("ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ec2:DescribeNetworkInterfaces"),
            ["*"],
        ),
        {
            **allow(("iam:PassRole",), list(passed_roles)),
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        },
        allow(("logs:GetLogEvents",), [f"{log_group}:log-stream:*"]),
    )


def webserver_policy(region: str, account: str) -> Document:
    """A run that is cancelled in the browser is stopped by the webserver."""
    return document(allow(("ecs:StopTask", "ecs:DescribeTasks"), [f"arn:aws:ecs:{region}:{account}:task/*"]))


def execution_policy(postgres_secret: str) -> Document:
    """What ECS itself opens before the container starts, beside AWS' own policy for images and logs."""
    return document(allow(("secretsmanager:GetSecretValue",), [postgres_secret]))
