"""Redshift as a Dagster resource of our own.

dagster_aws has one too; it writes every statement to the log, binds no parameters and connects for each call.
"""

from __future__ import annotations

from resources.settings import SettingsResource
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of


class RedshiftResource(SettingsResource):
    """The warehouse over redshift_connector: a connection for each transaction, and no retries inside."""

    def warehouse(self) -> Warehouse:
        """A client for one run or tick. Raises InvalidSettings; nothing is connected yet."""
        return warehouse_of(self.read_settings())
