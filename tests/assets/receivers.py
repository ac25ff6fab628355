"""Those who take alerts, on loopback: a webhook that answers as it is told, and an SNS topic with a queue behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

_CREDENTIALS = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}


@dataclass
class Receiver:
    """Takes what is posted to it, and answers `status` with `headers`; with `hangs`, a byte of a header now and then."""

    address: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    posted: list[dict[str, Any]] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def fields(self, number: int = -1) -> dict[str, str]:
        """The titled parts of a message."""
        return {f["title"]: f["value"] for f in self.posted[number]["attachments"][0]["fields"]}

    @property
    def texts(self) -> list[str]:
        return [body["text"] for body in self.posted]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A webhook on a free port."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if received.hangs:
                while not received.over.wait(0.05):
                    self.wfile.write(b"H")
                return
            received.posted.append(json.loads(body))
            received.types.append(self.headers["Content-Type"])
            self.send_response(received.status)
            for name, value in received.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            received.fetched.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.address = f"http://127.0.0.1:{server.server_port}/services/T0/secret"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield received
    finally:
        received.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Sns:
    """A topic of an SNS that is moto's, and the queue that its messages arrive in."""

    endpoint: str
    topic: str
    queue: str
    sqs: Any

    @property
    def variables(self) -> dict[str, str]:
        return {
            "WEBLOGS_ALERT_SNS_TOPIC": self.topic,
            "AWS_ENDPOINT_URL_SNS": self.endpoint,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        }

    def take(self) -> list[dict[str, Any]]:
        """The messages (Subject, Message) that came since the last look."""
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found


@contextmanager
def publishing() -> Iterator[Sns]:
    """SNS and SQS on a free port."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        sns: Any = boto3.client("sns", endpoint_url=endpoint, **_CREDENTIALS)
        sqs: Any = boto3.client("sqs", endpoint_url=endpoint, **_CREDENTIALS)
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        yield Sns(endpoint, topic, queue, sqs)
    finally:
        server.stop()
