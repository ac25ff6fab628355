"""Edited exports from strangers: what is not an export of this stream is refused by line, without its values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from weblogs_platform.core.errors import InvalidDocument
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.quarantine import MAX_EDITED_BYTES, Edit, Place, parse_entry, read_edits
from weblogs_platform.streams import POS, WEB_LOGS

HOUR = LandingHour.from_argument("2025-07-20T10")
KEY = f"{WEB_LOGS.landing_hour_prefix(HOUR)}a"
SOUND = {"object": KEY, "etag": "e", "offset": 7, "raw": '{"secret": 1}'}


def line(**changes: Any) -> bytes:
    return json.dumps({k: v for k, v in {**SOUND, **changes}.items() if v is not ...}).encode()


def test_an_edited_line_is_its_record() -> None:
    body = b"\n".join([line(), b"", line(offset=8, raw=..., raw_base64="/w=="), line(offset=9, header="a,b")])
    assert read_edits(body, WEB_LOGS) == {
        HOUR: {
            Place(KEY, "e", 7): Edit(b'{"secret": 1}', None),
            Place(KEY, "e", 8): Edit(b"\xff", None),
            Place(KEY, "e", 9): Edit(b'{"secret": 1}', "a,b"),
        }
    }


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (b"secret", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'"secret"', "is not a JSON object"),
        (b'{"raw": "secret", "raw": "secret"}', "names a member twice"),
        (line(secret="x"), "has members that no export has"),
        (line(object="firehose/web_redshift/secret"), "names an object that is not of web_logs"),
        (line(object="pos/pos_20250720_100000.csv"), "names an object that is not of web_logs"),
        (line(object=3), "does not say which record"),
        (line(etag=...), "does not say which record"),
        (line(offset="7"), "does not say which record"),
        (line(offset=True), "does not say which record"),
        (line(raw=...), "has no bytes"),
        (line(raw=..., raw_object="invalid/secret"), "has no bytes"),
        (line(raw=["secret"]), "is no such text"),
        (line(raw="\ud800"), "is no such text"),
        (line(raw=..., raw_base64="secret!"), "is no such text"),
        (line(header={"secret": 1}), "is no such text"),
        (line(header="x" * 20_000), "is too large"),
        (line(raw="x" * 4_200_000), "is too large"),
        (line(raw="other"), "names the same record"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_and_nothing_of_it_is_told(wrong: bytes, says: str) -> None:
    with pytest.raises(InvalidDocument, match=says) as refused:
        read_edits(line() + b"\n" + wrong, WEB_LOGS)
    assert str(refused.value).startswith("line 2 of the edited export ")
    assert "secret" not in str(refused.value)


def test_files_that_are_empty_or_too_large_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="has no lines"):
        read_edits(b"\n \n", POS)
    with pytest.raises(InvalidDocument, match="give it back in parts"):
        read_edits(b" " * (MAX_EDITED_BYTES + 1), POS)


@pytest.mark.parametrize("wrong", [b"", b"{", b"[]", b"3", b'{"object": "a"}', b'{"raw": 1}'])
def test_what_is_no_quarantine_line_is_refused(wrong: bytes) -> None:
    with pytest.raises(InvalidDocument, match="not a line of a quarantine object"):
        parse_entry(wrong)
