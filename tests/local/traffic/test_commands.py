"""The `weblogs traffic` commands, with a client that records what is put and knows nothing else."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from weblogs_platform.local.traffic import commands
from weblogs_platform.local.traffic.commands import traffic

LINE = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"\n'


class RecordingClient:
    """Accepts `put_object` into the one bucket; any other call is an AttributeError."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.first_put = threading.Event()

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict:  # noqa: N803
        assert (Bucket, ContentType) == ("lake", "application/octet-stream")
        self.objects[Key] = Body
        self.first_put.set()
        return {}


@pytest.fixture
def client() -> RecordingClient:
    return RecordingClient()


@pytest.fixture
def run(client: RecordingClient):
    def invoke(*arguments: str, data: bytes | None = None) -> Result:
        return CliRunner().invoke(
            traffic, list(arguments), obj={"delivery_s3": lambda: (client, "lake")}, input=data
        )

    return invoke


HISTORY = ("--from", "2025-07-20T10", "--hours", "2", "--rate", "300", "--null-share", "0.1")


def test_history_with_and_without_its_name(run, client: RecordingClient) -> None:
    """One of the two documented spellings stops working, or they differ."""
    assert run(*HISTORY).exit_code == 0
    short, client.objects = client.objects, {}
    assert run("history", *HISTORY).exit_code == 0
    assert client.objects == short
    assert {key.split("/")[1] for key in short} == {"web_redshift", "customer_interactions"}


def test_a_second_run_overwrites_the_same_objects(run, client: RecordingClient) -> None:
    """Running the demo twice doubles the data."""
    run(*HISTORY)
    once = dict(client.objects)
    run(*HISTORY)
    assert client.objects == once


def test_summary_as_json(run, client: RecordingClient) -> None:
    """What the demo compares with the load is not what was delivered."""
    result = run(*HISTORY, "--stream", "web_logs", "--gzip", "--json")
    summary = json.loads(result.output)
    assert list(summary) == ["web_logs"]
    assert summary["web_logs"]["objects"] == len(client.objects)
    assert summary["web_logs"]["bytes"] == sum(map(len, client.objects.values()))
    assert summary["web_logs"]["bad"] == sum(summary["web_logs"]["faults"].values()) > 0


def test_dry_run_needs_no_stack() -> None:
    """Saying what would be delivered asks for credentials."""
    result = CliRunner().invoke(traffic, [*HISTORY, "--dry-run"])
    assert result.exit_code == 0
    assert "web_logs:" in result.output
    assert CliRunner().invoke(traffic, list(HISTORY)).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--hours"),
        (("--from", "2025-07-20T10:30", "--hours", "1"), "an hour such as"),
        (("--hours", "1", "--live"), "--live"),
        (("--hours", "1", "--null-share", "0.6", "--flat-share", "0.6"), "more than 1"),
        (("--hours", "1", "--rate", "-5"), "rate"),
        (("--hours", "1", "--buffer-seconds", "1000"), "buffer seconds"),
        (("--rate", "5", "history", "--hours", "1"), "belong after"),
        (("from-access-log", "absent.log"), "absent.log"),
        (("bench-set", "--bytes", "10"), "4096"),
        (("batch",), "--hours"),
        (("batch", "--hours", "1", "--live"), "--live"),
        (("batch", "--hours", "1", "--pos-every", "5"), "every 1, 2, 3"),
        (("batch", "--hours", "1", "--stores", "51"), "1 to 50 stores"),
    ],
)
def test_wrong_usage_is_refused(
    run, client: RecordingClient, arguments: tuple[str, ...], message: str
) -> None:
    """A wrong option is ignored, or something is delivered before it is refused."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert not client.objects


BATCH = ("batch", "--from", "2025-07-20T10", "--hours", "6", "--products", "20", "--pos-every", "2")


def test_batch_files_and_their_summary(run, client: RecordingClient) -> None:
    """An option of the shop or a share is dropped on the way, or the files are not those of the summary."""
    result = run(*BATCH, "--null-share", "0.1", "--crlf-share", "1", "--json-lines-share", "1", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)
    assert list(summary) == ["inventory", "pos"]
    assert summary["inventory"]["objects"] == 6
    assert summary["inventory"]["records"] == 6 * 20 * 4
    assert summary["pos"]["objects"] == 3
    assert 0 < summary["pos"]["faults"]["null"] == summary["pos"]["bad"]
    bodies = {
        source: [b for key, b in client.objects.items() if key.startswith(source)] for source in summary
    }
    assert all(body.count(b"\r\n") == body.count(b"\n") > 1 for body in bodies["pos"])
    assert all(body.startswith(b'{"inventory_id"') for body in bodies["inventory"])
    once = dict(client.objects)
    run(*BATCH, "--null-share", "0.1", "--crlf-share", "1", "--json-lines-share", "1", "--source", "pos")
    assert client.objects == once


def test_access_log_from_standard_input(run, client: RecordingClient) -> None:
    """Unparsable lines are not reported with their number."""
    result = run("from-access-log", "-", data=LINE + b"junk\n" + LINE)
    assert result.exit_code == 0, result.output
    assert "3 lines: 2 events, 1 unparsable" in result.output
    assert "line 2: not in the combined log format" in result.output
    (key,) = client.objects
    assert key.startswith("firehose/web_redshift/2015/05/17/10/weblogs-firehose-5-2015-05-17-10-05-03-")


def test_file_without_requests_fails(run, client: RecordingClient, tmp_path: Path) -> None:
    """The wrong file counts as a success."""
    file = tmp_path / "not-a.log"
    file.write_bytes(b"a,b\n")
    result = run("from-access-log", str(file))
    assert result.exit_code == 1
    assert "no line of 1 is a request" in result.output
    assert not client.objects


def test_bench_set_into_a_folder(run, tmp_path: Path) -> None:
    """The set for measuring cannot be read without the stack."""
    result = run("bench-set", "--bytes", "200000", "--objects", "4", "--to", str(tmp_path))
    assert result.exit_code == 0, result.output
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 4
    assert sum(path.stat().st_size for path in files) == pytest.approx(200_000, rel=0.01)


def test_live_stops_cleanly_on_a_signal(
    run, client: RecordingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends live mode with a traceback, without its buffers, or leaves the handler in place."""
    before = signal.getsignal(signal.SIGINT)

    def interrupt() -> None:
        assert client.first_put.wait(30)
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=interrupt)
    sender.start()
    result = run("--live", "--rate", "20000", "--buffer-bytes", "2000", "--seed", "7", "--json")
    sender.join()
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)
    assert sum(stream["objects"] for stream in summary.values()) == len(client.objects) > 0
    assert signal.getsignal(signal.SIGINT) is before


def test_factory_is_called_once_and_only_to_deliver(client: RecordingClient) -> None:
    """Credentials are made for runs that do not need them."""
    calls: list[int] = []
    obj = {"delivery_s3": lambda: (calls.append(1) or client, "lake")}
    CliRunner().invoke(traffic, [*HISTORY, "--dry-run"], obj=obj)
    assert not calls
    CliRunner().invoke(traffic, list(HISTORY), obj=obj)
    assert calls == [1]
    assert commands.INTERACTIONS_PER_EVENT == 0.1
