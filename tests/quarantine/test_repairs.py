"""What each repair makes of a record, and what a repair cannot do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from weblogs_platform.core.errors import InvalidName, InvalidSpec
from weblogs_platform.core.quarantine import Entry, Place
from weblogs_platform.core.quarantine_judge import Candidate
from weblogs_platform.core.repair import (
    CastToNumber,
    Mapping,
    OnBytes,
    OnMembers,
    Rename,
    Repair,
    RepairFailed,
    SetDefault,
    candidate_of,
)
from weblogs_platform.repairs import REPAIRS, repair_named
from weblogs_platform.streams import POS, STREAMS, WEB_LOGS


def repaired(repair: Repair, raw: bytes, header: str | None = None) -> Candidate:
    entry = Entry(Place("k", "e", 0), len(raw), ("r",), ("r",), raw=raw, header=header)
    return candidate_of(entry, raw, repair, None)


def mapping(*steps: Any) -> Repair:
    return Repair(name="a", version=1, description="", streams=("pos",), how=Mapping(steps))


@pytest.mark.parametrize(
    ("name", "raw", "made"),
    [
        ("anonymous_visitor", b'{"payload": {"a": 1.10}}', b'{"payload": {"a": 1.10, "user_id": "anonymous"}, "user_id": "anonymous"}'),
        ("anonymous_visitor", b'{"payload": {"user_id": 5}, "user_id": 6}', b'{"payload": {"user_id": 5}, "user_id": 6}'),
        ("user_id_spelling", b'{"payload": {"userId": "x"}}', b'{"payload": {"user_id": "x"}}'),
        ("user_id_spelling", b'{"payload": {"userId": "x", "user_id": "y"}}', b'{"payload": {"userId": "x", "user_id": "y"}}'),
        ("user_id_spelling", b'{"payload": 3, "userId": 1e400}', b'{"payload": 3, "user_id": 1e400}'),
        ("milliseconds", b'{"timestamp": "2025-07-17T20:40:36", "payload": {"timestamp": 1746269854290}}', b'{"timestamp": "2025-07-17T20:40:36", "payload": {"timestamp": 1746269854.29}}'),
        ("milliseconds", b'{"last_updated": 1746269854.5}', b'{"last_updated": 1746269854.5}'),
        ("western_text", b'{"page": "caf\xe9"}', '{"page": "caf\u00e9"}'.encode()),
        ("western_text", '{"page": "caf\u00e9"}'.encode(), '{"page": "caf\u00e9"}'.encode()),
        ("control_characters", b'{"a": "b\n\tc\x00",\n "d": "\\""}', b'{"a": "b\\u000a\\u0009c",\n "d": "\\""}'),
        # A backslash before it belongs to no escape: "\\u000a" would be a backslash and letters.
        ("control_characters", b'{"a": "b\\\nc\n"}', b'{"a": "b\\\nc\\u000a"}'),
        ("control_characters", b'{"a": "b\\\\\nc"}', b'{"a": "b\\\\\\u000ac"}'),
    ],
)  # fmt: skip
def test_what_a_repair_makes(name: str, raw: bytes, made: bytes) -> None:
    """A repair changes what it does not mean, such as the digits of a number."""
    assert repaired(repair_named(name, WEB_LOGS), raw).raw == made


def test_a_rating_in_text_becomes_a_number() -> None:
    [repair] = [r for r in REPAIRS if r.name == "rating_text"]
    for text, number in ((" 4 ", 4), ("4.0", 4), ("+5", 5), ("four", "four"), ("", ""), (None, None)):
        raw = json.dumps({"payload": {"rating": text}}).encode()
        assert json.loads(repaired(repair, raw).raw) == {"payload": {"rating": number}}


def test_every_repair_names_streams_that_are_declared_and_is_told_by_its_name() -> None:
    """A repair whose stream was renamed is never offered."""
    for repair in REPAIRS:
        assert repair.description
        assert {*repair.streams} <= {spec.name for spec in STREAMS}
    assert len({repair.name for repair in REPAIRS}) == len(REPAIRS)
    with pytest.raises(
        InvalidName, match="no repair 'rating_text' for pos; there are: milliseconds, western_text"
    ):
        repair_named("rating_text", POS)


def test_a_csv_row_is_repaired_by_the_names_of_its_header() -> None:
    repair = mapping(Rename("store", "store_id"), SetDefault("quantity", 1), CastToNumber("revenue"))
    made = repaired(repair, b'"t,1", 9.50 ,,7', "transaction_id,revenue,quantity, store")
    assert made == Candidate(b'"t,1",9.50,1,7', "transaction_id,revenue,quantity,store_id")


@pytest.mark.parametrize(
    "raw", [b"{broken", b"[1]", b'{"a": 1, "a": 2}', b'{"p": {"a": 1, "a": 2}}', b"\xff", b"[" * 100_000]
)
def test_members_of_what_is_no_object_stay_as_they_are(raw: bytes) -> None:
    """A member that comes twice is dropped in silence, or a hostile record ends the replay."""
    assert repaired(mapping(SetDefault("a", 1)), raw).raw == raw


def test_an_error_of_a_repair_tells_nothing_of_the_record() -> None:
    """A traceback with someone's data reaches the log."""

    def fails(record: Any) -> Any:
        raise ValueError(record)

    for how in (OnMembers(fails), OnBytes(fails)):
        repair = Repair(name="fails", version=3, description="", streams=("pos",), how=how)
        with pytest.raises(RepairFailed) as failed:
            repaired(repair, b'{"secret": 1}')
        assert str(failed.value) == "fails@3: ValueError"
        assert failed.value.__suppress_context__


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "Not a name"}, "needs a lower-case name"),
        ({"version": 0}, "needs a lower-case name, a version"),
        ({"streams": ()}, "and streams"),
        ({"how": Mapping((SetDefault("a..b", 1),))}, "is not a member"),
    ],
)
def test_a_wrong_declaration_fails_where_it_is_made(changes: dict[str, Any], says: str) -> None:
    sound = {"name": "a", "version": 1, "description": "", "streams": ("pos",), "how": Mapping(())}
    with pytest.raises(InvalidSpec, match=says):
        Repair(**{**sound, **changes})
