"""Who may do what in the bucket: the AWS policies of the deployment, enforced by the embedded S3.

`delivery` is Firehose, and the shop systems that drop batch files: it puts objects under the landing prefixes and
can neither read, list nor delete.
`platform` is the code location: it reads landing, owns what it derives, and cannot change what was delivered.
`copy` is the role that Redshift assumes for COPY and external tables: it reads what a load may name and the
lakehouse, and never quarantined data, nor batch
files as they were delivered, which are always conformed before they are loaded.
`admin` is the person who looks after the bucket.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Role = Literal["delivery", "platform", "copy", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

FIREHOSE_PREFIXES = ("firehose",)
BATCH_PREFIXES = ("pos", "inventory")
LANDING_PREFIXES = (*FIREHOSE_PREFIXES, *BATCH_PREFIXES)
DERIVED_PREFIXES = ("validated", "invalid", "reports", "manifests", "jsonpaths")
COPY_PREFIXES = (*FIREHOSE_PREFIXES, "validated", "manifests", "jsonpaths", "lakehouse")

_PUT = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


@dataclass(frozen=True)
class Keys:
    """An access key of the embedded S3."""

    access_key: str
    secret_key: str = field(repr=False)


def generate_keys(role: Role) -> Keys:
    """New keys; letters and digits only, so that they need no quoting in a COPY's CREDENTIALS string."""
    return Keys(f"WEBLOGS{role.upper()}{secrets.token_hex(6).upper()}", secrets.token_hex(24))


def policy_document(role: Role, bucket: str) -> dict[str, Any]:
    """The IAM policy of a role for that bucket, as AWS takes it too (`admin` excepted)."""
    return {"Version": "2012-10-17", "Statement": _STATEMENTS[role](bucket)}


def identities_document(bucket: str, keys: Mapping[Role, Keys]) -> dict[str, Any]:
    """SeaweedFS' identity file: an identity per role with the policy of its name; there is no anonymous one."""
    restricted: list[Role] = [role for role in ROLES if role != "admin"]
    return {
        "identities": [_identity("admin", keys["admin"], actions=["Admin"])]
        + [_identity(role, keys[role], policyNames=[role]) for role in restricted],
        "policies": [
            {"name": role, "content": json.dumps(policy_document(role, bucket))} for role in restricted
        ],
    }


def _identity(role: Role, keys: Keys, **rights: list[str]) -> dict[str, Any]:
    credentials = [{"accessKey": keys.access_key, "secretKey": keys.secret_key}]
    return {"name": role, "credentials": credentials, "actions": [], **rights}


def _delivery(bucket: str) -> list[dict[str, Any]]:
    return [_allow(_PUT, _objects(bucket, LANDING_PREFIXES))]


def _platform(bucket: str) -> list[dict[str, Any]]:
    return [
        _allow(("s3:ListBucket", "s3:GetBucketLocation"), [f"arn:aws:s3:::{bucket}"]),
        _allow(("s3:GetObject",), _objects(bucket, LANDING_PREFIXES)),
        _allow(("s3:GetObject", "s3:DeleteObject", *_PUT), _objects(bucket, DERIVED_PREFIXES)),
    ]


def _copy(bucket: str) -> list[dict[str, Any]]:
    # COPY from a key prefix lists it; the condition keeps the names of everything else out of reach too.
    prefixes = [f"{prefix}/*" for prefix in COPY_PREFIXES]
    listing = _allow(("s3:ListBucket",), [f"arn:aws:s3:::{bucket}"])
    return [
        {**listing, "Condition": {"StringLike": {"s3:prefix": prefixes}}},
        _allow(("s3:GetObject",), _objects(bucket, COPY_PREFIXES)),
    ]


def _admin(bucket: str) -> list[dict[str, Any]]:
    return [_allow(("s3:*",), [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"])]


_STATEMENTS = {"delivery": _delivery, "platform": _platform, "copy": _copy, "admin": _admin}


def _allow(actions: Sequence[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}


def _objects(bucket: str, prefixes: Sequence[str]) -> list[str]:
    return [f"arn:aws:s3:::{bucket}/{prefix}/*" for prefix in prefixes]
