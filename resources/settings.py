"""Where the platform runs: read late, and never shown."""

from __future__ import annotations

import os

import dagster as dg
from pydantic import Field

from weblogs_platform.core import failpoints
from weblogs_platform.settings import Settings


class SettingsResource(dg.ConfigurableResource):
    """Base of the resources that reach a server: the settings of this process, read at the moment of need."""

    variables: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables to use instead of the process's own. They show here: name a "
        "WEBLOGS_HOME, not secrets.",
    )

    def read_settings(self) -> Settings:
        """Raises InvalidSettings naming what is missing and how to start the embedded stack."""
        settings = Settings.from_env({**os.environ, **self.variables})
        if settings.failpoint:
            failpoints.arm(failpoints.Kill(settings.failpoint))
        return settings
