"""The channels of alerts, as the settings name them."""

from __future__ import annotations

from typing import Any

from boto3.session import Session

from weblogs_platform.clients.channels import Channel, Topic, Webhook, publish_bounds
from weblogs_platform.settings import AlertSettings


def channels_of(settings: AlertSettings) -> tuple[Channel, ...]:
    """One for each that is set; nothing is sent yet."""
    channels: list[Channel] = []
    if settings.webhook:
        channels.append(Webhook(settings.webhook, settings.dagster_url))
    if settings.sns_topic:
        channels.append(Topic(_sns(settings, settings.sns_topic), settings.sns_topic, settings.dagster_url))
    return tuple(channels)


def _sns(settings: AlertSettings, arn: str) -> Any:
    return Session().client(
        "sns",
        region_name=arn.split(":")[3],
        endpoint_url=settings.sns_endpoint,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        config=publish_bounds(),
    )
