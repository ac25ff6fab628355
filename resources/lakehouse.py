"""The lakehouse as a Dagster resource: the lake, and what deltalake needs to reach the same bucket."""

from __future__ import annotations

from collections.abc import Mapping

from boto3.session import Session

from resources.lake import LakeResource
from weblogs_platform.clients.lakehouse import Lakehouse
from weblogs_platform.core.errors import AccessRefused
from weblogs_platform.settings import Settings


class LakehouseResource(LakeResource):
    """Delta tables in the one S3 bucket."""

    def lakehouse(self) -> Lakehouse:
        """A client for one run or tick. Raises InvalidSettings; nothing is sent yet."""
        settings = self.read_settings()
        session = Session(
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=settings.secret_access_key,
        )
        return Lakehouse(self.lake(), lambda: storage_options(settings, session))


def storage_options(settings: Settings, session: Session) -> Mapping[str, str]:
    """Options of deltalake, with the credentials that boto3's chain has now: a role's change within a run.

    Raises AccessRefused when it finds none.
    """
    credentials = session.get_credentials()
    if credentials is None:
        raise AccessRefused(
            "there are no credentials for S3: boto3 finds none in the environment or the process's role"
        )
    frozen = credentials.get_frozen_credentials()
    options = {
        "aws_access_key_id": frozen.access_key or "",
        "aws_secret_access_key": frozen.secret_key or "",
        "aws_region": settings.region,
        "aws_conditional_put": "etag",
        "connect_timeout": "5s",
        "timeout": "60s",
        "max_retries": "3",
    }
    if frozen.token:
        options["aws_session_token"] = frozen.token
    if settings.s3_endpoint:
        options |= {
            "aws_endpoint_url": settings.s3_endpoint,
            "aws_virtual_hosted_style_request": "false",
            "aws_allow_http": str(settings.s3_endpoint.startswith("http://")).lower(),
        }
    return options
