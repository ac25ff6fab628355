"""Access logs: what a line says, hostile lines, sessions, hours, and the real sample where it is there."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weblogs_platform.core.errors import InvalidDocument
from weblogs_platform.core.validation import judge
from weblogs_platform.local.traffic import access_log_visits
from weblogs_platform.local.traffic.access_log import (
    LONGEST_LINE_BYTES,
    Request,
    Unparsable,
    parse_line,
    read_lines,
)
from weblogs_platform.local.traffic.access_log_visits import AccessLogReport, access_log_objects
from weblogs_platform.local.traffic.firehose import DeliveredObject, Delivery
from weblogs_platform.local.traffic.user_agents import browser_and_device
from weblogs_platform.streams import WEB_LOGS

SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "access-log-2015-05.log.gz"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def line(
    *,
    client: str = "203.0.113.9",
    time: str = "17/May/2015:10:05:03 +0000",
    request: str = "GET /blog/ HTTP/1.1",
    agent: str = FIREFOX,
) -> bytes:
    return f'{client} - - [{time}] "{request}" 200 512 "http://example.org/" "{agent}"'.encode()


def request(**parts: str) -> Request:
    parsed = parse_line(line(**parts))
    assert isinstance(parsed, Request), parsed
    return parsed


def events(lines: list[bytes], **options) -> tuple[list[dict], AccessLogReport, list[DeliveredObject]]:
    report = AccessLogReport()
    delivery = Delivery(newlines=True)
    objects = list(access_log_objects(enumerate(lines, 1), report, delivery=delivery, **options))
    return [json.loads(text) for o in objects for text in o.body.splitlines()], report, objects


@pytest.mark.parametrize(
    ("target", "page"),
    [
        ("/", "index"),
        ("/?utm=1", "index"),
        ("/blog/", "blog"),
        ("/a/b.html?x=/y#z", "a/b.html"),
        ("/tags/caf%C3%A9%20noir", "tags/café noir"),
        ("/bad%ff%zz%2", "bad\ufffd%zz%2"),
        ("/nul%00%0a", "nul\ufffd\ufffd"),
        ("/say\\x22hi\\x22", 'say"hi"'),
        ('/say\\"hi\\"', 'say"hi"'),
        ("/back\\\\slash", "back\\slash"),
        ("http://proxy.example/deep/page", "deep/page"),
        ("*", "*"),
        ("/two words", "two words"),
    ],
)
def test_page_of_a_request(target: str, page: str) -> None:
    """Query strings, escapes or slashes end up in the page's name."""
    assert request(request=f"GET {target} HTTP/1.1").page == page


@pytest.mark.parametrize(
    ("time", "at_secs"),
    [
        ("17/May/2015:10:05:03 +0000", 1431857103),
        ("17/May/2015:12:35:03 +0230", 1431857103),
        ("17/May/2015:02:05:03 -0800", 1431857103),
        ("01/Jan/2016:00:30:00 +0100", 1451604600),
    ],
)
def test_time_is_utc(time: str, at_secs: int) -> None:
    """The zone's offset is ignored, and events land in the wrong hour."""
    assert request(time=time).at_secs == at_secs


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"nonsense", "combined log format"),
        (line()[:-1], "combined log format"),
        (line(time="31/Feb/2015:10:05:03 +0000"), "date"),
        (line(time="17/Mai/2015:10:05:03 +0000"), "date"),
        (line(time="01/Jan/1969:00:00:00 +0000"), "date"),
        (line(time="01/Jan/0001:00:00:00 +2359"), "date"),
        (line(time="17/May/2015:10:05:03 +9999"), "date"),
        (line(request="-"), "method and a path"),
        (line(request="\\x16\\x03\\x01"), "method and a path"),
        (line(agent="x" * LONGEST_LINE_BYTES), "longer than"),
        (b'1.1.1.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5', "combined log format"),
    ],
)
def test_unparsable_lines_say_why(text: bytes, reason: str) -> None:
    """A line that is no request stops the run, or becomes an event of nothing."""
    parsed = parse_line(text)
    assert isinstance(parsed, Unparsable)
    assert reason in parsed.reason


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(min_size=1, max_size=20))
@example(b"/\xff\\x00\\", b'\\"}}{"', b"\xe2\x80\xa8")
def test_hostile_lines_give_valid_records(target: bytes, agent: bytes, client: bytes) -> None:
    """Quotes, control characters or invalid UTF-8 of a log break the JSON or the record's judgement."""
    text = (
        client
        + b' - - [17/May/2015:10:05:03 +0000] "GET /'
        + target
        + b' HTTP/1.1" 200 5 "-" "'
        + agent
        + b'"'
    )
    if not isinstance(parse_line(text), Request):
        return
    objects = events([text])[2]
    (record,) = objects[0].body.split(b"\n")[:-1]
    verdict = judge(record, WEB_LOGS)
    assert verdict.good, verdict.reasons
    assert not any(ord(c) < 32 for c in json.loads(record)["payload"]["page"])


@given(st.binary(max_size=300))
def test_no_line_is_an_error(text: bytes) -> None:
    """Some bytes raise instead of being counted."""
    assert isinstance(parse_line(text), (Request, Unparsable))


def test_session_is_client_and_agent_with_a_gap() -> None:
    """Sessions run on over the gap, end at the hour, or mix clients and agents."""
    times = ("10:00:00", "10:30:00", "11:00:00", "11:30:01")
    one = [line(time=f"17/May/2015:{t} +0000") for t in times]
    others = [
        line(time="17/May/2015:10:00:00 +0000", client="203.0.113.10"),
        line(time="17/May/2015:10:00:00 +0000", agent="curl/8"),
    ]
    found = [r["payload"] for r in events(one)[0]]
    assert len({p["session_id"] for p in found[:3]}) == 1
    assert found[3]["session_id"] != found[0]["session_id"]
    everything = [r["payload"] for r in events(one + others)[0]]
    assert len({p["session_id"] for p in everything}) == 4
    assert len({p["user_id"] for p in everything}) == 2


def test_events_land_in_their_hours_whatever_the_order() -> None:
    """A log that is not in order scatters its sessions, or its events, over the wrong hours."""
    lines = [line(time=f"17/May/2015:{h:02d}:{m:02d}:07 +0000") for h in (9, 10, 11) for m in range(0, 60, 7)]
    ordered, _, objects = events(lines)
    assert [o.key for o in events(lines[::-1])[2]] == [o.key for o in objects]
    assert len({r["payload"]["session_id"] for r in ordered}) == 1
    hours = [o.key.split("/")[-2] for o in objects]
    assert sorted(set(hours)) == ["09", "10", "11"]
    for delivered, hour in zip(objects, hours, strict=True):
        assert f'"2015-05-17T{hour}:'.encode() in delivered.body


def test_large_logs_go_through_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is spilled to disk is lost, or comes back in another order."""
    lines = [line(time=f"17/May/2015:{h:02d}:{m:02d}:{h:02d} +0000") for m in range(60) for h in range(24)]
    in_memory = events(lines)[2]
    monkeypatch.setattr(access_log_visits, "HELD_REQUESTS", 100)
    assert events(lines)[2] == in_memory


def test_equal_requests_stay_two_events() -> None:
    """Two requests of one second look like a duplicate delivery, and one is dropped later."""
    found = events([line(), line()])[0]
    assert len(found) == 2
    assert found[0] != found[1]


def test_pseudonym_depends_on_the_key() -> None:
    """The key is not used, so that the address can be found again by anyone."""
    mine = events([line()], key=b"secret")[0][0]["payload"]
    public = events([line()])[0][0]["payload"]
    assert mine["user_id"] != public["user_id"]
    assert mine["user_id"] == events([line(agent="curl/8")], key=b"secret")[0][0]["payload"]["user_id"]
    assert 0 < mine["user_id"] < 2**53


def test_report_counts_and_names_lines() -> None:
    """A damaged line disappears without a trace."""
    _, report, _ = events([b"junk", line(), b"more junk", line(request="-")])
    assert (report.lines, report.events) == (4, 1)
    assert [number for number, _ in report.samples] == [1, 3, 4]
    assert sum(report.unparsable.values()) == 3


def test_a_file_that_is_no_log_is_refused() -> None:
    """The wrong file ends as a success without events."""
    with pytest.raises(InvalidDocument, match="line 1: not in the combined"):
        events([b"a,b,c", b"1,2,3"])


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_lines_of_a_file(packed: bool) -> None:
    """Line numbers shift at empty or endless lines, or a gzip log without that name is not recognised."""
    data = b"one\r\n\n" + b"x" * 300_000 + b"\nlast"
    found = list(read_lines(io.BytesIO(gzip.compress(data) if packed else data)))
    assert [number for number, _ in found] == [1, 3, 4]
    assert found[0][1] == b"one"
    assert LONGEST_LINE_BYTES < len(found[1][1]) < LONGEST_LINE_BYTES + 3
    assert found[2][1] == b"last"


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_gzip_is_refused(damage: str) -> None:
    """A truncated download is delivered as if it were the whole log."""
    packed = bytearray(gzip.compress(b"\n".join([line()] * 500)))
    if damage == "cut":
        del packed[-20:]
    else:
        packed[-6] ^= 0xFF
    with pytest.raises(InvalidDocument, match="damaged"):
        events([text for _, text in read_lines(io.BytesIO(bytes(packed)))])


MOZILLA = "Mozilla/5.0 "
KIT = " AppleWebKit/537.36 (KHTML, like Gecko) "


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (FIREFOX, ("Firefox", "Desktop")),
        (
            f"{MOZILLA}(Windows NT 10.0; Win64; x64){KIT}Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
            ("Edge", "Desktop"),
        ),
        (
            f"{MOZILLA}(iPhone; CPU iPhone OS 17_5 like Mac OS X){KIT}Version/17.5 Mobile/15E148 Safari/604.1",
            ("Safari", "Mobile"),
        ),
        (
            f"{MOZILLA}(iPhone; CPU iPhone OS 17_5 like Mac OS X){KIT}CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
            ("Chrome", "Mobile"),
        ),
        (
            f"{MOZILLA}(iPad; CPU OS 7_0_4 like Mac OS X){KIT}Version/7.0 Mobile/11B554a Safari/9537.53",
            ("Safari", "Tablet"),
        ),
        (
            f"{MOZILLA}(Linux; Android 14; Pixel 8){KIT}Chrome/126.0.0.0 Mobile Safari/537.36",
            ("Chrome", "Mobile"),
        ),
        (
            f"{MOZILLA}(Linux; Android 13; SM-X700){KIT}Chrome/126.0.0.0 Safari/537.36",
            ("Chrome", "Tablet"),
        ),
        (f"{MOZILLA}(compatible; Googlebot/2.1; +http://www.google.com/bot.html)", ("Googlebot", "Bot")),
        (f"{MOZILLA}(compatible; MSIE 10.0; Windows NT 6.2; Tablet PC 2.0)", ("IE", "Desktop")),
        ("-", ("Other", "Other")),
        ("", ("Other", "Other")),
    ],
)
def test_browser_and_device(agent: str, expected: tuple[str, str]) -> None:
    """The charts by browser and device file people under the wrong names."""
    assert browser_and_device(agent) == expected


def test_the_real_sample() -> None:
    """10,000 real requests of May 2015: one line has lost its end, every other one is an event in its
    hour."""
    if not SAMPLE.exists():
        pytest.skip(f"the sample log is not there: {SAMPLE.name}")
    with SAMPLE.open("rb") as file:
        lines = list(read_lines(file))
    report = AccessLogReport()
    objects = list(access_log_objects(lines, report, delivery=Delivery(newlines=True)))
    records = [text for o in objects for text in o.body.splitlines()]
    assert (report.lines, report.events, len(records)) == (10_000, 9_999, 9_999)
    assert report.samples == [(8899, "not in the combined log format")]
    assert all(judge(text, WEB_LOGS).good for text in records[::20])
    assert len({o.key.rsplit("/", 1)[0] for o in objects}) == 84
    pages = [json.loads(text)["payload"]["page"] for text in records]
    assert pages.count("projects/xdotool") == 245
    assert any(" " in page for page in pages), "percent escapes are decoded"
