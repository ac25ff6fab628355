"""Text in Windows-1252, as old tills and mail clients write it, where UTF-8 is due."""

from __future__ import annotations

from weblogs_platform.core.repair import OnBytes, Repair


def to_utf8(raw: bytes) -> bytes:
    """The same text in UTF-8; bytes that are UTF-8 already stay. Raises UnicodeDecodeError for the five bytes that
    are no characters of Windows-1252."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252").encode("utf-8")
    return raw


WESTERN_TEXT = Repair(
    name="western_text",
    version=1,
    description="Records that are not UTF-8 are read as Windows-1252.",
    streams=("web_logs", "customer_interactions", "pos", "inventory"),
    how=OnBytes(to_utf8),
)
