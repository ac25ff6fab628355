"""Who may do what in the bucket and the data catalog: the one source of the policies of `deploy/aws` and of the
embedded S3.

`firehose` puts objects under its landing prefix, and what it could not deliver under its error prefix.
`batch` is the shop systems that drop files. Neither reads, lists or deletes. The embedded S3 has one key for all who
deliver; on AWS each has a policy of its own, for its prefix alone (`firehose_policy`, `batch_policy`).
`platform` is the code location: it reads landing, owns what it derives, and cannot change what was delivered.
`copy` is the role that Redshift's COPY assumes: it reads what a manifest may name, and the
lakehouse, but never quarantined data, nor batch files as delivered, which are always conformed before they are loaded.
It also keeps the external tables of the lakehouse in the data catalog, which the embedded Redshift holds itself.

The template spells the same documents out, because people review them there; a test deploys it and compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from weblogs_platform.core.lake_statements import LAKE_DATABASE

PolicyName = Literal["firehose", "batch", "platform", "copy"]
POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)

FIREHOSE_PREFIXES = ("firehose",)
ERROR_PREFIXES = ("firehose-errors",)
BATCH_PREFIXES = ("pos", "inventory")
LANDING_PREFIXES = (*FIREHOSE_PREFIXES, *BATCH_PREFIXES)
LAKEHOUSE_PREFIXES = ("lakehouse",)
DERIVED_PREFIXES = ("validated", "invalid", "reports", "manifests", "jsonpaths", *LAKEHOUSE_PREFIXES)
COPY_PREFIXES = (*FIREHOSE_PREFIXES, "validated", "manifests", "jsonpaths", *LAKEHOUSE_PREFIXES)
QUARANTINE_PREFIX = "invalid"

CATALOG_ACTIONS = (
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:CreateDatabase",
    "glue:GetTable",
    "glue:GetTables",
    "glue:CreateTable",
    "glue:UpdateTable",
    "glue:DeleteTable",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:BatchGetPartition",
    "glue:CreatePartition",
    "glue:BatchCreatePartition",
    "glue:UpdatePartition",
    "glue:DeletePartition",
    "glue:BatchDeletePartition",
)
"""What AWS names as Spectrum's least rights, without those to change or delete databases, or tables many at a time."""

_PUT = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")

Document = dict[str, Any]


def policy_document(name: PolicyName, bucket: str) -> Document:
    """The IAM policy of that name for that bucket."""
    return document(*_STATEMENTS[name](bucket))


def firehose_policy(bucket: str, folder: str) -> Document:
    """One Firehose stream's: it puts under `firehose/<folder>/` and `firehose-errors/<folder>/`, and nowhere else."""
    prefixes = [f"{prefix}/{folder}" for prefix in (*FIREHOSE_PREFIXES, *ERROR_PREFIXES)]
    return document(*_delivery(bucket, prefixes))


def batch_policy(bucket: str, prefix: str) -> Document:
    """One shop system's: it puts under its own prefix."""
    return document(allow(_PUT, _objects(bucket, (prefix,))))


def bucket_policy(bucket: str, platform: str, quarantine_reader: str = "") -> Document:
    """The bucket's own policy: TLS only, and quarantine closed to every principal but these role ARNs, whatever other
    policies of the account allow. The reader may open objects there, and neither write nor delete."""
    quarantine = [f"{_arn(bucket)}/{QUARANTINE_PREFIX}/*"]
    readers = [platform, quarantine_reader] if quarantine_reader else [platform]
    plain = {
        **_everyone("Deny", "s3:*", [_arn(bucket), f"{_arn(bucket)}/*"]),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    closed = {
        **_everyone("Deny", "s3:*", quarantine),
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": readers}},
    }
    only_read = {
        "Effect": "Deny",
        "Principal": "*",
        "NotAction": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": quarantine,
        "Condition": {"ArnEquals": {"aws:PrincipalArn": quarantine_reader}},
    }
    return document(plain, closed, *([only_read] if quarantine_reader else []))


def catalog_policy(region: str, account: str) -> Document:
    """What `copy` may do in the data catalog: everything about the tables of one database, which it may make and not
    delete. Glue asks for a right on the table, on its database and on the catalog."""
    catalog = f"arn:aws:glue:{region}:{account}"
    resources = [
        f"{catalog}:catalog",
        f"{catalog}:database/{LAKE_DATABASE}",
        f"{catalog}:table/{LAKE_DATABASE}/*",
    ]
    return document(allow(CATALOG_ACTIONS, resources))


def _firehose(bucket: str) -> list[Document]:
    return _delivery(bucket, (*FIREHOSE_PREFIXES, *ERROR_PREFIXES))


def _delivery(bucket: str, prefixes: Sequence[str]) -> list[Document]:
    return [
        allow(("s3:GetBucketLocation", "s3:ListBucketMultipartUploads"), [_arn(bucket)]),
        allow(_PUT, _objects(bucket, prefixes)),
    ]


def _batch(bucket: str) -> list[Document]:
    return [allow(_PUT, _objects(bucket, BATCH_PREFIXES))]


def _platform(bucket: str) -> list[Document]:
    return [
        allow(("s3:ListBucket", "s3:GetBucketLocation"), [_arn(bucket)]),
        allow(("s3:GetObject",), _objects(bucket, LANDING_PREFIXES)),
        allow(("s3:GetObject", "s3:DeleteObject", *_PUT), _objects(bucket, DERIVED_PREFIXES)),
    ]


def _copy(bucket: str) -> list[Document]:
    # COPY from a key prefix lists it; the condition keeps the names of everything else out of reach too.
    prefixes = [f"{prefix}/*" for prefix in COPY_PREFIXES]
    listing = allow(("s3:ListBucket",), [_arn(bucket)])
    return [
        allow(("s3:GetBucketLocation",), [_arn(bucket)]),
        {**listing, "Condition": {"StringLike": {"s3:prefix": prefixes}}},
        allow(("s3:GetObject",), _objects(bucket, COPY_PREFIXES)),
    ]


_STATEMENTS = {"firehose": _firehose, "batch": _batch, "platform": _platform, "copy": _copy}


def document(*statements: Document) -> Document:
    """A policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions: Sequence[str], resources: list[str]) -> Document:
    """The statement that allows these actions on these ARNs."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}


def _everyone(effect: str, action: str, resources: list[str]) -> Document:
    return {"Effect": effect, "Principal": "*", "Action": action, "Resource": resources}


def _arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def _objects(bucket: str, prefixes: Sequence[str]) -> list[str]:
    return [f"{_arn(bucket)}/{prefix}/*" for prefix in prefixes]
