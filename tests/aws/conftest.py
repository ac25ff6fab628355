"""An AWS to talk to over HTTP: moto's server, in a process of its own, on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from threading import Thread
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

    def user(self, *actions: str) -> dict[str, str]:
        """A new user who may do just that, as a process has it in its environment."""
        iam, name = self.client("iam"), f"user-{next(_NUMBERS)}"
        iam.create_user(UserName=name)
        if actions:
            statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    @contextmanager
    def enforcing(self) -> Iterator[None]:
        """Meanwhile signatures, session tokens and policies count, but for the resources and conditions of policies."""
        self._after("0")
        try:
            yield
        finally:
            self._after("inf")

    def _after(self, requests: str) -> None:
        asked = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth",
            requests.encode(),
            {"Content-Type": "text/plain"},
            method="POST",
        )
        urllib.request.urlopen(asked, timeout=10).close()


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


@contextmanager
def answering(status: int, body: str, headers: Mapping[str, str]) -> Iterator[str]:
    """The address of a server on loopback that says this to whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Quiet."""

    with HTTPServer((ports.LOOPBACK, 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{ports.LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
