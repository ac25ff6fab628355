"""Where the platform runs, as a resource: read late, and never shown."""

from __future__ import annotations

import os

import dagster as dg

from weblogs_platform.settings import Settings


class SettingsResource(dg.ConfigurableResource):
    """The settings of this process, read at the moment they are needed.

    `variables` stand over those of the environment. They show in the UI: name a WEBLOGS_HOME there, not secrets.
    """

    variables: dict[str, str] = {}

    def read(self) -> Settings:
        """Raises InvalidSettings naming what is missing and how to start the embedded stack."""
        return Settings.from_env({**os.environ, **self.variables})
