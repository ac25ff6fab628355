"""The queue of S3's notifications as a Dagster resource."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import dagster as dg
from boto3.session import Session
from pydantic import Field

from weblogs_platform.clients.inbox import Inbox
from weblogs_platform.clients.lake import request_bounds
from weblogs_platform.settings import QueueSettings


class InboxResource(dg.ConfigurableResource):
    """One SQS queue, through boto3, at the address that its URL says; none where none is set."""

    variables: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables to use instead of the process's own. They show here: no secrets.",
    )
    wait_secs: int = Field(
        default=1, description="How long an empty queue is asked for messages, in seconds."
    )

    def inbox(self) -> Inbox | None:
        """A client for one tick; None without a queue. Raises InvalidSettings; nothing is sent yet."""
        settings = QueueSettings.from_env({**os.environ, **self.variables})
        if settings.url is None:
            return None
        address = urlsplit(settings.url)
        client = Session().client(
            "sqs",
            region_name=settings.region,
            endpoint_url=f"{address.scheme}://{address.netloc}",
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=settings.secret_access_key,
            config=request_bounds(),
        )
        return Inbox(client, settings.url, self.wait_secs)
