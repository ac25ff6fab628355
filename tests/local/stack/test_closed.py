"""Nobody without keys reads or changes anything: on the S3 port and on the ports behind it."""

from __future__ import annotations

import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.home import Home
from weblogs_platform.local.roles import Keys
from weblogs_platform.local.s3_server import _weed

KEY = "firehose/web_redshift/2025/07/20/10/kept"


@pytest.fixture(scope="module")
def lake(stack: Endpoints) -> Endpoints:
    stack.s3("admin").put_object(Bucket=stack.bucket, Key=KEY, Body=b"content")
    return stack


@pytest.fixture(scope="module")
def ports(stack: Endpoints) -> dict[str, int]:
    return dict(Home(stack.home).spec().ports)


def http(method: str, port: int, path: str, body: bytes | None = None) -> int:
    """Status of a request without any credentials."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_unsigned_requests_are_refused(lake: Endpoints) -> None:
    """There is no anonymous identity: neither reading, nor listing, nor writing."""
    client: Any = boto3.client(
        "s3", endpoint_url=lake.s3_url, region_name=lake.region, config=Config(signature_version=UNSIGNED)
    )
    for call in (
        lambda: client.get_object(Bucket=lake.bucket, Key=KEY),
        lambda: client.list_objects_v2(Bucket=lake.bucket),
        lambda: client.put_object(Bucket=lake.bucket, Key=KEY, Body=b"changed"),
        lambda: client.delete_object(Bucket=lake.bucket, Key=KEY),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"secret_key": "0" * 48}, "SignatureDoesNotMatch"), ({"access_key": "NOBODY"}, "InvalidAccessKeyId")],
)
def test_wrong_keys_are_refused(lake: Endpoints, changed: dict[str, str], code: str) -> None:
    """Signatures are verified, not only parsed."""
    wrong = Keys(**{**vars(lake.keys["admin"]), **changed})
    client = Endpoints(lake.home, lake.bucket, lake.region, lake.s3_url, {"admin": wrong}, "").s3()
    with pytest.raises(ClientError) as raised:
        client.get_object(Bucket=lake.bucket, Key=KEY)
    assert raised.value.response.get("Error", {}).get("Code") == code


@pytest.mark.parametrize(
    ("server", "method", "path"),
    [
        ("filer", "GET", f"/buckets/weblogs-lake/{KEY}"),
        ("filer", "GET", "/buckets/weblogs-lake/"),
        ("filer", "POST", f"/buckets/weblogs-lake/{KEY}"),
        ("filer", "DELETE", f"/buckets/weblogs-lake/{KEY}"),
        ("filer", "DELETE", "/buckets/weblogs-lake?recursive=true"),
        ("master", "GET", "/col/delete?collection=weblogs-lake"),
        ("master", "GET", "/dir/assign"),
        ("master", "GET", "/dir/status"),
        ("master", "GET", "/vol/grow?count=1"),
        ("master", "POST", "/submit"),
        ("volume", "GET", "/1,01637037d6"),
        ("volume", "POST", "/1,01637037d6"),
        ("volume", "DELETE", "/1,01637037d6"),
        ("volume", "GET", "/ui/index.html"),
        ("admin", "GET", "/"),
        ("admin", "GET", "/object-store/users"),
        ("admin", "GET", "/api/users"),
    ],
)
def test_the_servers_behind_s3_serve_nothing_without_credentials(
    lake: Endpoints, ports: dict[str, int], server: str, method: str, path: str
) -> None:
    """As delivered, the filer serves every object and one GET on the master deletes the bucket's data, which a
    web page can send: nothing of it may work."""
    status = http(method, ports[f"{server}.port"], path, b"changed" if method == "POST" else None)
    assert status in {401, 404, 405}
    assert lake.s3("platform").get_object(Bucket=lake.bucket, Key=KEY)["Body"].read() == b"content"


def test_grpc_asks_for_a_certificate_of_this_stack(lake: Endpoints, ports: dict[str, int]) -> None:
    """SeaweedFS' own shell can do everything over gRPC: with the stack's certificate it lists the buckets,
    without it gets no answer."""
    address = [
        f"-master=127.0.0.1:{ports['master.port']}.{ports['master.port.grpc']}",
        f"-filer=127.0.0.1:{ports['filer.port']}.{ports['filer.port.grpc']}",
    ]
    assert lake.bucket in weed_shell(lake.home / "s3", ["-config_dir=conf"], address)
    assert lake.bucket not in weed_shell(lake.home / "logs", [], address)


def weed_shell(folder: Path, configuration: list[str], address: list[str]) -> str:
    """What `fs.ls /buckets` prints, in at most five seconds; the shell waits for ever for a refused server."""
    shell = subprocess.Popen(
        [_weed(), *configuration, "shell", *address],
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        return shell.communicate("fs.ls /buckets\nexit\n", timeout=5)[0]
    except subprocess.TimeoutExpired:
        shell.kill()
        return shell.communicate()[0]


def test_everything_listens_on_loopback_only(ports: dict[str, int]) -> None:
    """A server on 0.0.0.0 is reachable by the whole network."""
    listening = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, state = line.split()[1], line.split()[3]
        if state == "0A":
            address, _, port = local.partition(":")
            listening[int(port, 16)] = address
    assert {listening[port] for port in ports.values() if port in listening} == {"0100007F"}
    assert ports["s3.port"] in listening


def test_sockets_and_secrets_are_readable_by_their_owner_only(stack: Endpoints) -> None:
    """Another user of the machine must not find keys in the folder, or a way in beside the ports."""
    home = Path(stack.home)
    assert home.stat().st_mode & 0o077 == 0
    secrets = ["credentials.json", "platform.env", "s3/conf/identities.json", "s3/conf/security.toml"]
    secrets += ["s3/conf/grpc-key.pem"]
    for name in secrets:
        assert (home / name).stat().st_mode & 0o777 == 0o600, name
    for socket in Path("/tmp").glob("seaweedfs-*.sock"):
        assert socket.stat().st_mode & 0o022 == 0, socket
