"""The dashboards, served by `weblogs dashboard` over the stack's warehouse with its read-only user.

They keep nothing, and show by themselves when the warehouse or its tables are not there: serving is being ready.
"""

from __future__ import annotations

import os
import sys
import urllib.request
from pathlib import Path

from weblogs_platform.local.component import Face, Launch, NotReady
from weblogs_platform.local.environment import inherited
from weblogs_platform.settings import PROJECT_ROOT

PREFERRED_PORT = 8501
# Only what reads: neither the lake's keys nor the owner of the warehouse.
_READERS = ("WEBLOGS_HOME", "WEBLOGS_DASHBOARD_", "WEBLOGS_DAGSTER_URL", "WEBLOGS_ENV")
_WAREHOUSE = ("REDSHIFT_HOST", "REDSHIFT_PORT", "REDSHIFT_DATABASE", "REDSHIFT_SSL_CA")


class DashboardApp(Face):
    """Streamlit's server with the pages of `weblogs_platform.dashboard`."""

    name = "dashboard"
    ready_within_secs = 90.0
    stops_within_secs = 10.0

    @property
    def data_folder(self) -> Path:
        return self.home.folder

    def prepare(self) -> Launch:
        command = [sys.executable, "-m", "weblogs_platform.cli", "dashboard"]
        return Launch([*command, "--port", str(self.ports["dashboard"])], PROJECT_ROOT, self._environment())

    def check_ready(self) -> None:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(f"{self.endpoint}/_stcore/health", timeout=5) as response:
                response.read()
        except OSError as error:
            raise NotReady(str(error)) from error

    def _environment(self) -> dict[str, str]:
        own = {
            name: value
            for name, value in self._endpoints.variables("platform").items()
            if name in _WAREHOUSE or name.startswith(_READERS)
        }
        kept = {k: v for k, v in inherited(os.environ).items() if not k.startswith(("AWS_", "STREAMLIT_"))}
        return {**kept, **own}
