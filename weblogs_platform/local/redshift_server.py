"""The embedded Redshift: `weblogs_platform.local.redshift` as a process of its own, with this stack's users,
roles and certificate."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from weblogs_platform.local import ports as free_ports
from weblogs_platform.local.certificates import certificate_files, trust_bundle
from weblogs_platform.local.component import Component, Launch, NotReady
from weblogs_platform.local.environment import inherited
from weblogs_platform.local.redshift.config import User
from weblogs_platform.local.redshift.contract import S3Credentials
from weblogs_platform.local.redshift.launch import LaunchOptions, write_config
from weblogs_platform.settings import PROJECT_ROOT

PREFERRED_PORT = 5439


class RedshiftServer(Component):
    """The Redshift-compatible server over one DuckDB file."""

    name = "redshift"
    ready_within_secs = 60.0
    stops_within_secs = 20.0

    @property
    def endpoint(self) -> str:
        return f"{free_ports.LOOPBACK}:{self.ports['redshift']}"

    @property
    def data_folder(self) -> Path:
        return self.home.path("redshift")

    def prepare(self) -> Launch:
        tls = certificate_files(self.home.path("tls"), "redshift")
        trust_bundle(self.home.path("tls", "trust.pem"), tls.authority)
        self._ready_file.unlink(missing_ok=True)
        config = write_config(
            self.data_folder,
            self._options(),
            tls,
            self._ready_file,
        )
        command = [sys.executable, "-m", "weblogs_platform.local.redshift", "--config", str(config)]
        # COPY reads S3 with the keys of its role: nothing of the user's own AWS configuration reaches it.
        aws = [name for name in os.environ if name.startswith("AWS_")]
        environment = {name: value for name, value in inherited(os.environ).items() if name not in aws}
        own = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        return Launch(command, PROJECT_ROOT, {**environment, **own})

    def check_ready(self) -> None:
        # The server writes the file when it serves.
        if not self._ready_file.exists():
            raise NotReady("the server has not said that it serves")

    @property
    def _ready_file(self) -> Path:
        return self.data_folder / "ready.json"

    def _options(self) -> LaunchOptions:
        keys = self.credentials.s3["copy"]
        return LaunchOptions(
            users={
                self.spec.redshift_user: User(self.credentials.redshift_password),
                self.spec.dashboard_user: User(self.credentials.dashboard_password, read_only=True),
            },
            database_name=self.spec.database,
            port=self.ports["redshift"],
            roles={self.spec.copy_role: S3Credentials(keys.access_key, keys.secret_key)},
            default_role=self.spec.copy_role,
            s3_endpoint=f"http://{free_ports.LOOPBACK}:{self.ports['s3.port']}",
            s3_region=self.spec.region,
        )
