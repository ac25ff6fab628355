"""The lake as a Dagster resource."""

from __future__ import annotations

from dagster_aws.s3 import S3Resource

from resources.settings import SettingsResource
from weblogs_platform.clients.lake import Lake

MAX_ATTEMPTS = 3
"""Of one S3 request, inside boto3. The run retries whole steps above it, so that this stays short."""


class LakeResource(SettingsResource):
    """One S3 bucket, through the boto3 client that dagster_aws makes."""

    def lake(self) -> Lake:
        """A client for one run or tick. Raises InvalidSettings; nothing is sent yet."""
        settings = self.read_settings()
        s3 = S3Resource(
            region_name=settings.region,
            endpoint_url=settings.s3_endpoint,
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=settings.secret_access_key,
            max_attempts=MAX_ATTEMPTS,
        )
        return Lake(s3.get_client(), settings.bucket)
