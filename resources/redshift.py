"""Redshift as a Dagster resource of our own.

dagster_aws has one too; it writes every statement to the log, binds no parameters and connects for each call.
"""

from __future__ import annotations

from functools import partial

from resources.settings import SettingsResource
from weblogs_platform.clients.warehouse import Warehouse, connect_to_redshift


class RedshiftResource(SettingsResource):
    """The warehouse over redshift_connector: a connection for each transaction, and no retries inside."""

    def warehouse(self) -> Warehouse:
        """A client for one run or tick. Raises InvalidSettings; nothing is connected yet."""
        settings = self.read_settings()
        connect = partial(
            connect_to_redshift,
            host=settings.redshift_host,
            port=settings.redshift_port,
            database=settings.redshift_database,
            user=settings.redshift_user,
            password=settings.redshift_password,
            ca=settings.redshift_ca,
        )
        return Warehouse(connect, settings.copy_role_arn, settings.region)
