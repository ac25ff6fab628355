"""The inbox: one SQS queue of S3's notifications, seen through a boto3 client.

Standard queues deliver at least once, in any order. A message that is received is out of sight for VISIBILITY_SECS
and comes back unless it is deleted. What can never be understood is moved to the dead-letter queue with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from weblogs_platform.core.errors import AccessRefused, QueueUnavailable, WeblogsError, one_line

BATCH = 10
"""SQS gives and takes no more at a time."""

VISIBILITY_SECS = 120
"""Longer than most loads take, so that a message is found loaded when it comes back."""

REASON = "WeblogsReason"
"""The attribute of a message in the dead-letter queue that says why it is there."""

_GONE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "ExpiredToken",
    "403",
}


@dataclass(frozen=True)
class Message:
    """One message; `receipt` is what deletes it, and changes each time it is received."""

    id: str
    body: str = field(repr=False)
    receipt: str = field(repr=False)


@dataclass(frozen=True)
class Inbox:
    """`client` is a boto3 SQS client at the queue's own address; `wait_secs` how long an empty queue is asked (whole
    seconds; with 0 SQS asks some of its servers only)."""

    client: Any
    queue_url: str
    wait_secs: int = 1
    visibility_secs: int = VISIBILITY_SECS

    def receive(self, *, at_most: int, within_secs: float) -> list[Message]:
        """Messages in batches, until the queue has no more, there are `at_most`, or the time is up.

        Raises AccessRefused (also when there is no such queue), QueueUnavailable.
        """
        found: dict[str, Message] = {}
        until = monotonic() + within_secs
        while len(found) < at_most and monotonic() < until:
            with self._translated("receive from"):
                answer = self.client.receive_message(
                    QueueUrl=self.queue_url,
                    MaxNumberOfMessages=min(BATCH, at_most - len(found)),
                    VisibilityTimeout=self.visibility_secs,
                    WaitTimeSeconds=self.wait_secs,
                )
            batch = [
                Message(m["MessageId"], m["Body"], m["ReceiptHandle"]) for m in answer.get("Messages", ())
            ]
            if found.keys() >= {message.id for message in batch}:
                break  # nothing, or nothing new
            # By id: the same message twice is one message, of which the last receipt counts.
            found |= {message.id: message for message in batch}
        return list(found.values())

    def delete(self, messages: Sequence[Message]) -> None:
        """Removes them. What could not be removed comes back, and is found done again."""
        for start in range(0, len(messages), BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.receipt}
                for number, message in enumerate(messages[start : start + BATCH])
            ]
            with self._translated("delete from"):
                self.client.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)

    def reject(self, message: Message, reason: str) -> bool:
        """Moves a message to the dead-letter queue, with the reason as its attribute. First there, then away: it may
        be there twice, and is never lost. False: the queue has none, and the message stays until SQS drops it."""
        with self._translated("reject from"):
            target = self._dead_letter_url()
            if target is None:
                return False
            self.client.send_message(
                QueueUrl=target,
                MessageBody=message.body,
                MessageAttributes={REASON: {"DataType": "String", "StringValue": one_line(reason)[:256]}},
            )
        self.delete([message])
        return True

    def has_dead_letters(self) -> bool:
        """Whether what can never be understood has a place to go. Raises AccessRefused, QueueUnavailable."""
        with self._translated("look at"):
            return self._dead_letter_url() is not None

    def _dead_letter_url(self) -> str | None:
        answer = self.client.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["RedrivePolicy"])
        policy = answer.get("Attributes", {}).get("RedrivePolicy")
        if not policy:
            return None
        arn = str(json.loads(policy)["deadLetterTargetArn"])
        return str(self.client.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])

    @contextmanager
    def _translated(self, action: str) -> Generator[None]:
        try:
            yield
        except WeblogsError:
            raise
        except ClientError as error:
            raise self._client_error(action, error) from error
        except (BotoCoreError, HTTPClientError, OSError) as error:
            brief = " ".join(str(error).split())[:300]
            raise QueueUnavailable(f"cannot {action} {one_line(self.queue_url)}: {brief}") from error

    def _client_error(self, action: str, error: ClientError) -> WeblogsError:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        what = f"cannot {action} {one_line(self.queue_url)}: {code}"
        if code in _GONE:
            return AccessRefused(f"{what}: there is no such queue; WEBLOGS_QUEUE_URL names it")
        if code in _REFUSED:
            return AccessRefused(f"{what}: the platform's role needs the queue's rights of deploy/aws")
        return QueueUnavailable(what)
