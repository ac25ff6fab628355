"""Where UNLOAD writes to: names of files and folders, what stands there already, uploads, the manifest.

Files carry the name prefix, the slice and the part (`0000_part_00`), or a running number with PARALLEL OFF (`000`).
A partition's folder is named as Hive does: `column=value/`, with `%XX` for characters that paths cannot have.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

from boto3.s3.transfer import TransferConfig

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.results import Columns
from weblogs_platform.local.redshift.s3 import S3Client, split_url
from weblogs_platform.local.redshift.unload.statement import UnloadStatement

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_EXTENSIONS = {"none": "", "gzip": ".gz", "bzip2": ".bz2", "zstd": ".zst"}
_HIVE_ESCAPED = re.compile(r'[\x00-\x1f"#%\'*/:=?\\\x7f{\[\]^]')
_TRANSFER = TransferConfig(use_threads=False, multipart_threshold=64 << 20, multipart_chunksize=16 << 20)
_DELETED_AT_ONCE = 1000


@dataclass(frozen=True)
class UnloadedFile:
    """A file that was written; `lines` are its records, with the header line."""

    url: str
    lines: int
    size: int
    started: datetime
    ended: datetime


class UnloadTarget:
    """One UNLOAD's place in S3, reached with the credentials of the statement."""

    def __init__(self, statement: UnloadStatement, client: S3Client) -> None:
        self._statement = statement
        self._client = client
        self._bucket, self._prefix = split_url(statement.url)
        extension = ".parquet" if statement.format == "parquet" else _EXTENSIONS[statement.compression]
        self._extension = extension if statement.extension is None else f".{statement.extension.lstrip('.')}"
        self._cleaned: set[str] = set()
        self.files: list[UnloadedFile] = []

    def prepare(self) -> None:
        """Makes sure that nothing is overwritten by accident. Raises RedshiftError XX000 when files exist."""
        statement = self._statement
        if statement.overwrite:
            return
        if statement.clean_path:
            if not statement.partition_by:
                self._clean(self._prefix)
        elif self._client.list_objects(self._bucket, self._prefix):
            raise RedshiftError(
                "XX000",
                "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, "
                "manually removing the target files in S3, or using the ALLOWOVERWRITE option.",
            )

    def prepare_folder(self, folder: str) -> None:
        """The same for a partition's folder, which is cleaned when the first row for it comes."""
        if self._statement.clean_path and folder and folder not in self._cleaned:
            self._clean(self._prefix + folder)
        self._cleaned.add(folder)

    def _clean(self, prefix: str) -> None:
        keys = [{"Key": item.key} for item in self._client.list_objects(self._bucket, prefix)]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            batch = {"Objects": keys[start : start + _DELETED_AT_ONCE], "Quiet": True}
            answer = self._client.call(
                self._bucket,
                prefix,
                lambda batch=batch: self._client.raw.delete_objects(Bucket=self._bucket, Delete=batch),
            )
            if errors := answer.get("Errors"):
                first = errors[0]
                raise RedshiftError(
                    "XX000",
                    f"S3ServiceException:{first.get('Message', '')},Error {first.get('Code', '')},"
                    f"Bucket {self._bucket},Key {first.get('Key', '')}",
                )

    def upload(self, folder: str, slice_number: int, part_number: int, file: IO[bytes], lines: int) -> None:
        """Stores a finished file under its name. Raises RedshiftError XX000."""
        name = f"{slice_number:04}_part_{part_number:02}" if self._statement.parallel else f"{part_number:03}"
        started = _now()
        size = file.tell()
        key = f"{self._prefix}{folder}{name}{self._extension}"
        self._put(key, file)
        self.files.append(UnloadedFile(f"s3://{self._bucket}/{key}", lines, size, started, _now()))

    def _put(self, key: str, file: IO[bytes]) -> None:
        file.seek(0)
        self._client.call(
            self._bucket,
            key,
            lambda: self._client.raw.upload_fileobj(file, self._bucket, key, Config=_TRANSFER),
        )

    def write_manifest(self, columns: Columns) -> None:
        """Writes the manifest, last of all: it names files that are there."""
        body = json.dumps(self._manifest(columns), indent=2).encode()
        key = f"{self._prefix}manifest"
        self._client.call(
            self._bucket,
            key,
            lambda: self._client.raw.put_object(Bucket=self._bucket, Key=key, Body=body),
        )

    def _manifest(self, columns: Columns) -> dict[str, Any]:
        if not self._statement.verbose_manifest:
            return {"entries": [{"url": file.url} for file in self.files]}
        return {
            "entries": [
                {"url": file.url, "meta": {"content_length": file.size, "record_count": file.lines}}
                for file in self.files
            ],
            "schema": {"elements": [_element(name, kind.declared) for name, kind in columns]},
            "meta": {
                "content_length": sum(file.size for file in self.files),
                "record_count": sum(file.lines for file in self.files),
            },
            "author": {"name": "Amazon Redshift", "version": "1.0.0"},
        }


def _element(name: str, declared: Any) -> dict[str, Any]:
    kind: dict[str, Any] = {"base": declared.name}
    if declared.length is not None:
        kind["max_length"] = declared.length
    if declared.precision is not None:
        kind |= {"precision": declared.precision, "scale": declared.scale}
    return {"name": name, "type": kind}


def partition_folder(names: tuple[str, ...], values: tuple[bytes | None, ...]) -> str:
    """`year=2026/month=1/` for values in their text form."""
    return "".join(
        f"{name}={NULL_PARTITION if value is None else _hive_name(value.decode())}/"
        for name, value in zip(names, values, strict=True)
    )


def _hive_name(value: str) -> str:
    escaped = _HIVE_ESCAPED.sub(lambda match: f"%{ord(match.group()):02X}", value)
    return escaped or NULL_PARTITION  # Hive has no empty names


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
