"""An AWS to talk to over HTTP: moto's server, in a process of its own, on loopback."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from boto3.session import Session

from tests.browser.dagster_api import wait_for
from weblogs_platform.clients.lake import request_bounds
from weblogs_platform.local import ports
from weblogs_platform.local.environment import inherited

REGION = "eu-west-1"
_NUMBERS = count(1)


@dataclass(frozen=True)
class Aws:
    """moto's server; everything in it belongs to account 123456789012."""

    url: str

    def client(self, service: str) -> Any:
        return Session().client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=request_bounds(),
        )


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    port = ports.any_free("moto")
    url = f"http://{ports.LOOPBACK}:{port}"
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", ports.LOOPBACK, "-p", str(port)],
            stdout=output,
            stderr=output,
            env=inherited({"PATH": "/usr/bin:/bin", "MOTO_SERVICE": ""}),
        )
        try:
            wait_for(lambda: _answers(url), 60, "moto's server")
            yield Aws(url)
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def queues(aws: Aws) -> tuple[str, str]:
    """The URLs of a new queue and of its dead-letter queue."""
    sqs, number = aws.client("sqs"), next(_NUMBERS)
    dead = sqs.create_queue(QueueName=f"dead-{number}")["QueueUrl"]
    policy = f'{{"deadLetterTargetArn": "arn:aws:sqs:{REGION}:123456789012:dead-{number}", "maxReceiveCount": 1000}}'
    queue = sqs.create_queue(QueueName=f"landed-{number}", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    return queue, dead


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
