"""With whose rights COPY and UNLOAD reach S3: an IAM role, or access keys. Keys never show in `repr` or a message."""

from __future__ import annotations

from weblogs_platform.local.redshift.contract import RedshiftError, S3Credentials

_CREDENTIALS = {
    "aws_iam_role": "role",
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "token": "session_token",
}
KEYS = ("access_key_id", "secret_access_key", "session_token")


class Authorization:
    """Gathers what a statement of that verb says, in any order; `finish` checks it."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._keys: dict[str, str] = {}
        self.iam_role: str | None = None

    def role(self, arn: str) -> None:
        """IAM_ROLE; `default` is the cluster's own. Raises RedshiftError 0A000 for a chain of roles."""
        if "," in arn:
            raise RedshiftError("0A000", f"{self._verb}: role chaining is not supported by this server")
        self.iam_role = arn

    def key(self, name: str, value: str) -> None:
        """ACCESS_KEY_ID and its like; `name` is one of KEYS."""
        self._keys[name] = value

    def credentials(self, text: str) -> None:
        """The string after CREDENTIALS. Raises RedshiftError 42601 or 0A000."""
        for name, _, value in (part.partition("=") for part in text.split(";") if part):
            if name == "master_symmetric_key":
                raise RedshiftError(
                    "0A000",
                    f"{self._verb}: client-side encryption (master_symmetric_key) is not supported by this server",
                )
            if name not in _CREDENTIALS or not value:
                known = ", ".join(_CREDENTIALS)
                raise self._error(f"CREDENTIALS takes {known}, each as name=value; separated by ;")
            if name == "aws_iam_role":
                self.role(value)
            else:
                self.key(_CREDENTIALS[name], value)

    def finish(self) -> S3Credentials | None:
        """The access keys, or None when there is a role. Raises RedshiftError 42601 unless there is exactly one."""
        if self._keys and self.iam_role:
            raise self._error("give either an IAM role or access keys, not both")
        if self.iam_role:
            return None
        missing = [name for name in KEYS[:2] if not self._keys.get(name)]
        if len(missing) == 2:
            raise self._error("authorization is missing: give IAM_ROLE or CREDENTIALS")
        if missing:
            raise self._error(f"{missing[0].upper()} is missing")
        return S3Credentials(*(self._keys.get(name) for name in KEYS))  # pyright: ignore[reportArgumentType]

    def _error(self, message: str) -> RedshiftError:
        return RedshiftError("42601", f"{self._verb}: {message}")
