"""Object keys end to end: whatever Firehose, or a person, called the object, it is read, split, loaded and recorded."""

from __future__ import annotations

from tests.pipeline.hours import Hour, assert_arrives, each_stream
from tests.pipeline.records import Content, record
from weblogs_platform.core.keys import DerivedKey

# Not here: a backslash (the embedded S3 makes it a slash) and names over 255 bytes (it refuses them).
NAMES = [
    "web-firehose-5-2025-07-20-10-39-39-0b5a8ae5-4b1e-4f0e-8f8e-0d2e1c3b4a59",
    'it\'s a "quoted" name',
    "with spaces  and\ttabs",
    "żółć-東京-\U0001f600",
    "a%2Fb%20c%",
    "a+b",
    "a&b=c;d?e#f",
    "brackets[1]{2}(3)<4>",
    "$1,%s,{0} --; DROP TABLE x;",
    "~tilde.and.dots...",
    "sub/folder/part",
    "x" * 250,
    "manifest.json",
    ".hidden",
]


@each_stream
def test_any_object_key_loads(hour: Hour) -> None:
    """A key breaks the listing, the manifest, the SQL or the ledger; both as it is and as a split copy's source."""
    contents: dict[str, Content] = {}
    for n, name in enumerate(NAMES):
        contents[name] = Content(hour.spec).good(record(hour.spec, n))
        contents[f"2{name}"] = Content(hour.spec).good(record(hour.spec, n)).bad(b"{", "malformed_json")
    files = assert_arrives(hour, **contents)
    for derived in (
        key for name in NAMES for key in (files[f"2{name}"].load_key, files[f"2{name}"].invalid_key)
    ):
        assert derived is not None
        assert str(DerivedKey.parse(derived)) == derived


def test_names_that_differ_in_signs_only_do_not_collide(hour: Hour) -> None:
    """Derived names keep letters only: two sources write the same split copy, and one's records are lost."""
    contents = {
        # The same content and so the same ETag: only the key tells them apart.
        name: Content(hour.spec).good(record(hour.spec, 1)).bad(b"{", "malformed_json")
        for name in ("a b", "a+b", "a%20b", "a_b", "a/b", "a_b.gz")
    }
    files = assert_arrives(hour, **contents)
    assert len({files[name].load_key for name in contents}) == len(contents)


def test_folder_markers_are_no_objects(hour: Hour) -> None:
    """The empty object that consoles write for a folder shows up as a file of the hour."""
    hour.drop("", b"")
    hour.drop("sub/", b"")
    files = assert_arrives(hour, part=Content(hour.spec).good(record(hour.spec)))
    assert len(files) == 3


@each_stream
def test_an_hour_without_objects_is_an_hour_with_zero_rows(hour: Hour) -> None:
    """An empty hour fails, and blocks every day that waits for its hours."""
    report, outcome = hour.run()
    assert (report.files, report.records) == ((), 0)
    assert (outcome.action, outcome.table_rows, outcome.ledger, outcome.manifest_keys) == (
        "nothing",
        0,
        (),
        (),
    )


def test_objects_of_other_hours_and_streams_are_not_touched(hour: Hour, interactions: Hour) -> None:
    """The prefix of an hour matches more than the hour."""
    hour.drop_records("part", 1, 2, 3)
    interactions.drop_records("part", 1, 2)
    hour.run()
    assert (len(hour.rows()), len(interactions.rows())) == (3, 0)
    interactions.run()
    assert (len(hour.rows()), len(interactions.rows())) == (3, 2)
