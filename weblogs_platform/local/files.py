"""Small private files: written whole or not at all, readable by their owner only."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, BinaryIO


def write_private(path: Path, text: str) -> None:
    """Replaces `path` atomically with mode 0600, through the disk: a crash leaves the old or the new file."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_private_json(path: Path, document: Any) -> None:
    write_private(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def open_private_log(path: Path) -> BinaryIO:
    """A log to append to, readable by its owner only."""
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def read_json(path: Path) -> dict[str, Any] | None:
    """The document, or None when there is no such file or it is not a JSON object."""
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return document if isinstance(document, dict) else None
