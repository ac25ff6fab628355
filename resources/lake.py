"""The lake as a Dagster resource."""

from __future__ import annotations

from typing import Any

from boto3.session import Session
from dagster_aws.s3 import S3Resource

from resources.settings import SettingsResource
from weblogs_platform.clients.lake import Lake, request_bounds


class BoundedS3Resource(S3Resource):
    """dagster_aws' resource with a client of our own: its client waits a minute for each of many attempts, and
    nothing can be said against it."""

    def get_client(self) -> Any:
        return Session(profile_name=self.profile_name).client(
            "s3",
            region_name=self.region_name,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.aws_access_key_id,
            aws_secret_access_key=self.aws_secret_access_key,
            config=request_bounds(),
        )


class LakeResource(SettingsResource):
    """One S3 bucket, through boto3."""

    def lake(self) -> Lake:
        """A client for one run or tick. Raises InvalidSettings; nothing is sent yet."""
        settings = self.read_settings()
        s3 = BoundedS3Resource(
            region_name=settings.region,
            endpoint_url=settings.s3_endpoint,
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=settings.secret_access_key,
        )
        return Lake(s3.get_client(), settings.bucket)
