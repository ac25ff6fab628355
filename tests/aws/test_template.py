"""What the templates of deploy/aws say where nothing here enforces it: a change of one line opens the account, and
cfn-lint and moto are content with it."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from tests.aws.templates import ACCOUNT, BUCKET, DEPLOY, Template, load
from weblogs_platform.core.policies import batch_policy, bucket_policy, firehose_policy
from weblogs_platform.settings_keys import BY_VARIABLE
from weblogs_platform.streams import FIREHOSE_STREAMS

READER = f"arn:aws:iam::{ACCOUNT}:role/quarantine"
PLATFORM = f"arn:aws:iam::{ACCOUNT}:role/PlatformRole"
STREAMS = {"WebLogs": "web_redshift", "CustomerInteractions": "customer_interactions"}
"""The folder of each delivery stream."""


def platform(**given: str) -> Template:
    return Template(load("platform.yaml"), {"BucketName": BUCKET, **given})


def trusted(*services: str) -> dict[str, Any]:
    service = services[0] if len(services) == 1 else list(services)
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize("stream", STREAMS)
def test_each_delivery_stream_has_a_role_for_its_folder_alone(stream: str) -> None:
    """One role for both would let either write the other's objects."""
    role = platform().properties(f"{stream}DeliveryRole")
    assert role["AssumeRolePolicyDocument"] == trusted("firehose.amazonaws.com")
    policies = {p["PolicyName"]: p["PolicyDocument"] for p in role["Policies"]}
    assert policies["bucket"] == firehose_policy(BUCKET, STREAMS[stream])
    (logs,) = policies["logs"]["Statement"]
    assert logs["Action"] == "logs:PutLogEvents"
    assert logs["Resource"].endswith(":log-group:FirehoseLogs")
    destination = platform().properties(f"{stream}Stream")["ExtendedS3DestinationConfiguration"]
    assert destination["RoleARN"].endswith(f"role/{stream}DeliveryRole")
    assert destination["Prefix"].startswith(f"firehose/{STREAMS[stream]}/")


def test_every_stream_of_firehose_is_delivered_by_one() -> None:
    assert {f"firehose/{folder}" for folder in STREAMS.values()} == {
        s.landing_prefix for s in FIREHOSE_STREAMS
    }


@pytest.mark.parametrize(("name", "prefix"), [("Pos", "pos"), ("Inventory", "inventory")])
def test_a_shop_system_writes_its_own_prefix(name: str, prefix: str) -> None:
    """A till's stolen key would rewrite the stock."""
    found = platform().properties(f"{name}DeliveryPolicy")["PolicyDocument"]
    assert found == batch_policy(BUCKET, prefix)


def test_redshift_alone_takes_the_copy_role() -> None:
    found = platform().properties("CopyRole")["AssumeRolePolicyDocument"]
    assert found == trusted("redshift.amazonaws.com", "redshift-serverless.amazonaws.com")


def test_no_other_role_is_there() -> None:
    """Each role of the template is judged by a test: a new one needs its own."""
    assert platform().of_type("AWS::IAM::Role") == [
        "WebLogsDeliveryRole",
        "CustomerInteractionsDeliveryRole",
        "PlatformRole",
        "DashboardRole",
        "CopyRole",
    ]


@pytest.mark.parametrize("role", ["PlatformRole", "DashboardRole"])
def test_tasks_alone_are_platform_and_dashboards(role: str) -> None:
    found = platform().properties(role)["AssumeRolePolicyDocument"]
    assert found == trusted("ecs-tasks.amazonaws.com")


@pytest.mark.parametrize("role", ["PlatformRole", "DashboardRole"])
def test_pods_may_tag_their_session(role: str) -> None:
    """Pod Identity does, and without the right no pod gets credentials."""
    template = platform(PlatformPrincipal="pods.eks.amazonaws.com")
    (statement,) = template.properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]


def test_people_take_the_platforms_role_where_the_account_says_so() -> None:
    """Else nobody runs `weblogs quarantine`: the bucket denies it to whoever is not the platform."""
    operator = f"arn:aws:iam::{ACCOUNT}:role/operator"
    template = platform(OperatorRoleArn=operator)
    service, person = template.properties("PlatformRole")["AssumeRolePolicyDocument"]["Statement"]
    assert service == trusted("ecs-tasks.amazonaws.com")["Statement"][0]
    assert person == {"Effect": "Allow", "Principal": {"AWS": operator}, "Action": "sts:AssumeRole"}
    dashboards = template.properties("DashboardRole")["AssumeRolePolicyDocument"]
    assert dashboards == trusted("ecs-tasks.amazonaws.com")


def test_the_dashboards_may_read_their_secret_and_nothing_else() -> None:
    """With another secret they log in as the platform, who may write."""
    (policy,) = platform().properties("DashboardRole")["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "DashboardSecret",
    }


def test_s3_and_nobody_else_writes_to_the_queue() -> None:
    """Any sender would name objects, or no right at all and notifications never arrive."""
    properties = platform().properties("LandedQueuePolicy")
    assert properties["Queues"] == ["LandedQueue"]
    (statement,) = properties["PolicyDocument"]["Statement"]
    queue = statement["Resource"]
    assert queue.endswith(":LandedQueue")
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{BUCKET}"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }


def test_the_queue_lets_s3_in_before_the_bucket_is_made() -> None:
    """S3 tries the queue when notifications are set up: without the order the stack fails, now and then."""
    assert load("platform.yaml")["Resources"]["Bucket"]["DependsOn"] == "LandedQueuePolicy"


@pytest.mark.parametrize("reader", ["", READER])
def test_quarantine_is_open_to_the_platform_and_one_reader(reader: str) -> None:
    document = platform(QuarantineReaderArn=reader).properties("BucketPolicy")["PolicyDocument"]
    assert document == bucket_policy(BUCKET, PLATFORM, reader)


def test_the_reader_of_quarantine_reads() -> None:
    """Whoever is left out of the deny of everything keeps what the account's policies allow: writing and deleting."""
    *_, only_read = bucket_policy(BUCKET, PLATFORM, READER)["Statement"]
    assert only_read == {
        "Effect": "Deny",
        "Principal": "*",
        "NotAction": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": [f"arn:aws:s3:::{BUCKET}/invalid/*"],
        "Condition": {"ArnEquals": {"aws:PrincipalArn": READER}},
    }


@pytest.mark.parametrize("compression", ["GZIP", "UNCOMPRESSED"])
@pytest.mark.parametrize("newline", ["true", "false"])
@pytest.mark.parametrize("stream", STREAMS)
def test_firehose_writes_as_the_parameters_say(stream: str, newline: str, compression: str) -> None:
    given = {"FirehoseBufferSeconds": "120", "FirehoseBufferMegabytes": "5"}
    found = platform(AppendNewline=newline, FirehoseCompression=compression, **given).properties(
        f"{stream}Stream"
    )["ExtendedS3DestinationConfiguration"]
    assert found["CompressionFormat"] == compression
    assert found["BufferingHints"] == {"IntervalInSeconds": "120", "SizeInMBs": "5"}
    assert ("ProcessingConfiguration" in found) is (newline == "true")


def test_deletes_leave_nothing_for_ever() -> None:
    """The bucket keeps versions: a delete leaves a mark, which goes once its last version has gone."""
    rules = platform().properties("Bucket")["LifecycleConfiguration"]["Rules"]
    (everywhere,) = [rule for rule in rules if "Prefix" not in rule]
    assert (everywhere["Status"], everywhere["ExpiredObjectDeleteMarker"]) == ("Enabled", True)
    assert all(rule["NoncurrentVersionExpiration"] for rule in rules if "Prefix" in rule)
    assert {rule["Status"] for rule in rules} == {"Enabled"}


def test_the_warehouse_is_closed() -> None:
    warehouse = Template(
        load("warehouse.yaml"),
        {"CopyRoleArn": "copy", "SubnetIds": "private", "SecurityGroupIds": "platform"},
    )
    namespace, workgroup = warehouse.properties("Namespace"), warehouse.properties("Workgroup")
    assert workgroup["PubliclyAccessible"] is False
    assert workgroup["EnhancedVpcRouting"] is True
    assert workgroup["ConfigParameters"] == [{"ParameterKey": "require_ssl", "ParameterValue": "true"}]
    assert (workgroup["SubnetIds"], workgroup["SecurityGroupIds"]) == ("private", "platform")
    assert namespace["ManageAdminPassword"] is True
    assert "AdminUserPassword" not in namespace
    assert namespace["IamRoles"] == ["copy"]
    for resource in ("Namespace",):
        found = warehouse.document["Resources"][resource]
        assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_example_of_settings_is_what_the_stacks_give() -> None:
    """Whoever begins with it logs in to another database, as another user, by rights that no role has."""
    text = (DEPLOY / "weblogs.example.toml").read_text(encoding="utf-8")
    example = tomllib.loads(text)
    written = {
        f"{table}.{name}": value
        for table, entries in example.items()
        if isinstance(entries, dict)
        for name, value in entries.items()
    } | {name: value for name, value in example.items() if not isinstance(value, dict)}
    warehouse = Template(load("warehouse.yaml"))
    outputs = [
        (BY_VARIABLE[output["Description"]].name, output["Value"], template)
        for template in (platform(), warehouse)
        for output in template.document["Outputs"].values()
        if output["Description"].isupper()
    ]
    assert {name for name, _, _ in outputs} <= set(written)
    logins = {"redshift.password_secret", "redshift.cluster", "redshift.workgroup", "redshift.password"}
    assert logins & set(written) == {"redshift.password_secret"}
    # What the templates fix, the file says; the rest is named by AWS.
    fixed = {name: value for name, value, _ in outputs if isinstance(value, str)}
    fixed["redshift.database"] = warehouse.rendered({"Ref": "DatabaseName"})
    assert {name: str(written[name]) for name in fixed} == fixed
    assert set(re.findall(r"\b[a-z]{2}-[a-z]+-\d\b", text)) == {example["region"]}
    secrets = platform()
    for secret, user in (("PlatformSecret", "redshift.user"), ("DashboardSecret", "dashboard.user")):
        made = json.loads(secrets.properties(secret)["GenerateSecretString"]["SecretStringTemplate"])
        assert made == {"username": written[user]}


def test_the_readmes_users_are_those_of_the_secrets() -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for secret in ("PlatformSecret", "DashboardSecret"):
        made = json.loads(platform().properties(secret)["GenerateSecretString"]["SecretStringTemplate"])
        assert f"CREATE USER {made['username']} PASSWORD" in text
    database = Template(load("warehouse.yaml")).rendered({"Ref": "DatabaseName"})
    assert f"GRANT CREATE ON DATABASE {database} TO weblogs;" in text
