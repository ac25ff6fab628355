"""The roles of the embedded S3, with the policies that AWS gets (core/policies.py).

`delivery` is Firehose and the shop systems that drop batch files, `platform` the code location, `copy` what Redshift's
COPY assumes. `admin` is the person who looks after the bucket.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from weblogs_platform.core.policies import POLICIES, PolicyName, policy_document

Role = Literal["delivery", "platform", "copy", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

ROLE_POLICIES: Mapping[Role, tuple[PolicyName, ...]] = {
    "delivery": ("firehose", "batch"),
    "platform": ("platform",),
    "copy": ("copy",),
}


@dataclass(frozen=True)
class Keys:
    """An access key of the embedded S3."""

    access_key: str
    secret_key: str = field(repr=False)


def generate_keys(role: Role) -> Keys:
    """New keys; letters and digits only, so that they need no quoting in a COPY's CREDENTIALS string."""
    return Keys(f"WEBLOGS{role.upper()}{secrets.token_hex(6).upper()}", secrets.token_hex(24))


def identities_document(bucket: str, keys: Mapping[Role, Keys]) -> dict[str, Any]:
    """SeaweedFS' identity file: an identity per role with its policies; there is no anonymous one."""
    return {
        "identities": [_identity("admin", keys["admin"], actions=["Admin"])]
        + [
            _identity(role, keys[role], policyNames=list(policies))
            for role, policies in ROLE_POLICIES.items()
        ],
        "policies": [
            {"name": name, "content": json.dumps(policy_document(name, bucket))} for name in POLICIES
        ],
    }


def _identity(role: Role, keys: Keys, **rights: list[str]) -> dict[str, Any]:
    credentials = [{"accessKey": keys.access_key, "secretKey": keys.secret_key}]
    return {"name": role, "credentials": credentials, "actions": [], **rights}
