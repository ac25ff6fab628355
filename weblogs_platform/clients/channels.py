"""Where alerts go: a webhook in the form of Slack's (Mattermost, Rocket.Chat and others take it too), and a topic of
Amazon SNS. Each takes one message at a time, or raises ChannelFailed, within some seconds.

The address of a webhook is its password: neither it nor an answer shows in an error. Redirects are not followed.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from weblogs_platform.core.alerts import Alert
from weblogs_platform.core.errors import ChannelFailed

TIMEOUT_SECS = 5
_LONGEST_SUBJECT = 100
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""What Slack asks to have escaped: unescaped it would be a link, or call everybody."""

T = TypeVar("T")


class Channel(Protocol):
    """Takes alerts."""

    @property
    def name(self) -> str:
        """As `shopware_ops.alerts` and the log have it."""
        ...

    def send(self, alert: Alert) -> None:
        """Raises ChannelFailed."""
        ...


def within(secs: float, work: Callable[[], T]) -> T:
    """What `work` returns. Raises its error, or TimeoutError when it takes longer; it then goes on in its thread."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised below
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(secs)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError
    return done[0]


@dataclass(frozen=True, repr=False)
class Webhook:
    """POSTs JSON to an address."""

    address: str
    dagster_url: str | None
    name: str = "webhook"

    def send(self, alert: Alert) -> None:
        """Raises ChannelFailed unless the answer is a 2xx."""
        request = urllib.request.Request(  # noqa: S310 - the settings accept http and https only
            self.address,
            data=json.dumps(slack_message(alert, self.dagster_url)).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            opener = urllib.request.build_opener(_NoRedirect)
            with opener.open(request, timeout=TIMEOUT_SECS):
                return
        except urllib.error.HTTPError as error:
            why = f"it answered {error.code}"
            error.close()
        except Exception as error:  # noqa: BLE001 - whatever an answer or an address breaks, its text may be the address
            why = type(error).__name__
        raise ChannelFailed(f"the webhook took no message: {why}")


def publish_bounds() -> Config:
    """How long one message to SNS may take: it is tried again at the next tick."""
    return Config(
        connect_timeout=TIMEOUT_SECS,
        read_timeout=TIMEOUT_SECS,
        retries={"mode": "standard", "total_max_attempts": 1},
    )


@dataclass(frozen=True)
class Topic:
    """Publishes to an SNS topic; `client` is a boto3 SNS client with `publish_bounds`."""

    client: Any
    arn: str
    dagster_url: str | None
    name: str = "sns"

    def send(self, alert: Alert) -> None:
        """Raises ChannelFailed."""
        subject, text = plain_message(alert, self.dagster_url)
        try:
            self.client.publish(TopicArn=self.arn, Subject=subject, Message=text)
        except ClientError as error:
            why = str(error.response.get("Error", {}).get("Code", "refused"))
        except (BotoCoreError, OSError, ValueError) as error:
            why = type(error).__name__
        else:
            return
        raise ChannelFailed(f"SNS took no message: {why}")


def slack_message(alert: Alert, dagster_url: str | None) -> dict[str, Any]:
    """The body for a webhook."""
    fields = {title: _escaped(value) for title, value in _fields(alert, dagster_url).items()}
    text = _escaped(alert.text)
    return {
        "text": text,
        "attachments": [
            {
                "color": "danger",
                "fallback": text,
                "fields": [
                    {"title": title, "value": value, "short": title in {"What", "Where", "Partitions"}}
                    for title, value in fields.items()
                ],
            }
        ],
    }


def plain_message(alert: Alert, dagster_url: str | None) -> tuple[str, str]:
    """Subject (ASCII, as SNS wants it) and text of a message."""
    subject = f"{alert.what}: {alert.where} {alert.partitions}".strip()
    subject = subject.encode("ascii", "replace").decode()[:_LONGEST_SUBJECT]
    return subject, "\n".join(f"{title}: {value}" for title, value in _fields(alert, dagster_url).items())


def _fields(alert: Alert, dagster_url: str | None) -> dict[str, str]:
    """What is said, by title; nothing that is empty, which chats refuse."""
    fields = {
        "What": alert.what,
        "Where": alert.where,
        "Partitions": alert.partitions,
        "Detail": alert.detail,
        "Look": alert.link(dagster_url) or alert.first.run_id,
        "What to do": alert.what_to_do,
    }
    return {title: value for title, value in fields.items() if value}


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would become a GET to somewhere else: it is a failure."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
