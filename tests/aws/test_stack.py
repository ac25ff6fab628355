"""The templates of deploy/aws: linted, deployed into moto, and used through their outputs.

moto makes buckets, queues, roles, policies and topics of a template, and leaves out what it does not know: bucket and
queue policies, a bucket's notifications, Firehose, secrets, alarms and Redshift Serverless. These are put there from
the template by their own calls where moto has them; Redshift Serverless is only linted.
"""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import jmespath
import pytest

from assets.automation import inbox_sensor
from assets.streams import stream_job
from resources import InboxResource
from tests.assets.test_automation import FIRST, NOW, MemoryLake, MemoryLedger, _hours
from tests.aws.conftest import REGION, Aws
from tests.aws.templates import ACCOUNT, BUCKET, DEPLOY, Template, load
from tests.aws.test_inbox_sensor import Given
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.lake_statements import LAKE_DATABASE, LAKE_SCHEMA
from weblogs_platform.core.policies import (
    BATCH_PREFIXES,
    DERIVED_PREFIXES,
    ERROR_PREFIXES,
    FIREHOSE_PREFIXES,
    LANDING_PREFIXES,
    PolicyName,
    bucket_policy,
    catalog_policy,
    policy_document,
)
from weblogs_platform.definitions import build_definitions
from weblogs_platform.settings import PROJECT_ROOT, QueueSettings, Settings, effective_settings
from weblogs_platform.settings_keys import BY_VARIABLE
from weblogs_platform.streams import FIREHOSE_STREAMS, STREAMS

STACK = "weblogs-test"


@dataclass(frozen=True)
class Deployed:
    aws: Aws
    template: dict[str, Any]
    outputs: dict[str, str]
    """By their keys."""
    settings: dict[str, str]
    """By the variables that their descriptions name."""
    resources: dict[str, str]
    """Physical ids by logical ones."""

    def rendered(self, value: Any) -> Any:
        """A part of the template with the functions that it uses worked out for this stack."""
        return Template(self.template, {"BucketName": BUCKET}, self.resources).rendered(value)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return load("platform.yaml")


@pytest.fixture(scope="module")
def deployed(aws: Aws, template: dict[str, Any]) -> Deployed:
    formation = aws.client("cloudformation")
    formation.create_stack(
        StackName=STACK,
        TemplateBody=(DEPLOY / "platform.yaml").read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": "BucketName", "ParameterValue": BUCKET}],
        Capabilities=["CAPABILITY_IAM"],
    )
    (stack,) = formation.describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    found = formation.describe_stack_resources(StackName=STACK)["StackResources"]
    outputs = stack["Outputs"]
    return Deployed(
        aws,
        template,
        {o["OutputKey"]: o["OutputValue"] for o in outputs},
        {o["Description"]: o["OutputValue"] for o in outputs if o["Description"].isupper()},
        {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found if "LogicalResourceId" in r},
    )


@pytest.mark.parametrize("name", ["platform.yaml", "warehouse.yaml", "dagster.yaml"])
def test_cfn_lint_finds_nothing(name: str) -> None:
    """With the rules and the strictness of the command line."""
    program = Path(sys.executable).with_name("cfn-lint")
    lint = [program, "-r", "eu-west-1", "us-east-1", "--", DEPLOY / name]
    done = subprocess.run(lint, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(("role", "name"), [("PlatformRole", "platform"), ("CopyRole", "copy")])
def test_a_role_has_the_policy_that_the_embedded_s3_enforces(
    deployed: Deployed, role: str, name: PolicyName
) -> None:
    """Two documents of the same name drift apart: what runs on a laptop would be refused on AWS, or the reverse."""
    found = deployed.aws.client("iam").get_role_policy(
        RoleName=deployed.resources[role], PolicyName="bucket"
    )["PolicyDocument"]
    # moto keeps the document of a template as it is, and shows it as Python's text.
    assert ast.literal_eval(found) == policy_document(name, BUCKET)


def test_the_copy_role_keeps_the_external_tables(deployed: Deployed) -> None:
    """`weblogs init --lake` would fail in the account, after everything else has worked."""
    found = deployed.aws.client("iam").get_role_policy(
        RoleName=deployed.resources["CopyRole"], PolicyName="catalog"
    )["PolicyDocument"]
    assert ast.literal_eval(found) == catalog_policy(REGION, ACCOUNT)


def test_the_catalog_is_open_for_the_one_database_of_the_ddl() -> None:
    """Other teams keep their tables in the same catalog. A database that is deleted takes all of its tables along."""
    schema = (PROJECT_ROOT / "sql" / "ddl" / "spectrum" / "01_shopware_lake_schema.sql").read_text()
    assert f"DATABASE '{LAKE_DATABASE}'" in schema
    assert f"EXTERNAL SCHEMA IF NOT EXISTS {LAKE_SCHEMA}" in schema
    (statement,) = catalog_policy(REGION, ACCOUNT)["Statement"]
    assert statement["Resource"] == [
        f"arn:aws:glue:{REGION}:{ACCOUNT}:{resource}"
        for resource in ("catalog", f"database/{LAKE_DATABASE}", f"table/{LAKE_DATABASE}/*")
    ]
    on_databases = {action for action in statement["Action"] if "Database" in action}
    assert on_databases == {"glue:GetDatabase", "glue:GetDatabases", "glue:CreateDatabase"}


@pytest.mark.parametrize("policy", ["PosDeliveryPolicy", "InventoryDeliveryPolicy"])
def test_the_batch_systems_have_theirs(deployed: Deployed, policy: str) -> None:
    iam = deployed.aws.client("iam")
    assert iam.get_policy(PolicyArn=deployed.outputs[policy])["Policy"]["IsAttachable"]


def test_the_bucket_closes_quarantine(deployed: Deployed) -> None:
    """And S3 takes the document."""
    document = deployed.rendered(
        deployed.template["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]
    )
    platform = deployed.outputs["PlatformRole"]
    assert document == bucket_policy(BUCKET, platform)
    s3 = deployed.aws.client("s3")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
    assert json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"]) == document
    s3.delete_bucket_policy(Bucket=BUCKET)


def test_only_the_platforms_own_secret_and_queues_are_open_to_it(deployed: Deployed) -> None:
    policies = deployed.template["Resources"]["PlatformRole"]["Properties"]["Policies"]
    rendered = {p["PolicyName"]: deployed.rendered(p["PolicyDocument"])["Statement"] for p in policies}
    landed, dead, topic = rendered["queue-and-alerts"]
    names = deployed.resources
    assert landed["Resource"].endswith(names["LandedQueue"].rpartition("/")[2])
    assert landed["Action"] == ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    assert dead["Resource"].endswith(names["DeadLetterQueue"].rpartition("/")[2])
    assert dead["Action"] == ["sqs:SendMessage", "sqs:GetQueueUrl"]
    assert (topic["Action"], topic["Resource"]) == ("sns:Publish", names["AlertTopic"])
    assert [s["Resource"] for s in rendered["secrets"]] == ["PlatformSecret"]


def test_the_bucket_is_closed_versioned_and_encrypted(deployed: Deployed) -> None:
    properties = deployed.template["Resources"]["Bucket"]["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    encryption = deployed.aws.client("s3").get_bucket_encryption(Bucket=BUCKET)
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_no_rule_of_the_lifecycle_removes_what_counts(template: dict[str, Any]) -> None:
    """An expired object is a lost one: a rule under every prefix, and none that ends a current version."""
    rules = template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    # ExpiredObjectDeleteMarker removes no version.
    assert not any(name.startswith("Expiration") for rule in rules for name in rule)
    prefixes = {rule["Prefix"].rstrip("/") for rule in rules if "Prefix" in rule}
    assert prefixes == {*LANDING_PREFIXES, *ERROR_PREFIXES, *DERIVED_PREFIXES}


def test_firehose_delivers_where_the_streams_look(deployed: Deployed) -> None:
    """A prefix with another layout lands for weeks in hours that nobody lists. And Firehose takes the configuration."""
    resources = deployed.template["Resources"]
    delivered = {}
    for name, resource in resources.items():
        if resource["Type"] != "AWS::KinesisFirehose::DeliveryStream":
            continue
        destination = deployed.rendered(resource["Properties"]["ExtendedS3DestinationConfiguration"])
        firehose = deployed.aws.client("firehose")
        firehose.create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination
        )
        described = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
        (found,) = described["Destinations"]
        delivered[found["ExtendedS3DestinationDescription"]["Prefix"]] = destination
    time = "!{timestamp:yyyy/MM/dd/HH}/"
    assert set(delivered) == {f"{spec.landing_prefix}/{time}" for spec in FIREHOSE_STREAMS}
    for prefix, destination in delivered.items():
        folder = prefix.removeprefix("firehose/").removesuffix(time)
        assert (
            destination["ErrorOutputPrefix"]
            == f"firehose-errors/{folder}!{{firehose:error-output-type}}/{time}"
        )
        (processor,) = destination["ProcessingConfiguration"]["Processors"]
        assert processor["Parameters"] == [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]
        hour = FIRST.path
        assert any(spec.landing_hour_of(prefix.replace(time, f"{hour}/a.gz")) == FIRST for spec in STREAMS)


def test_the_outputs_are_the_settings(deployed: Deployed) -> None:
    """One left out is a setting that somebody types by hand."""
    warehouse = {o["Description"] for o in load("warehouse.yaml")["Outputs"].values()}
    assert warehouse <= set(BY_VARIABLE)
    assert warehouse == {"REDSHIFT_HOST", "REDSHIFT_PORT", "REDSHIFT_DATABASE"}
    declared = {o["Description"] for o in deployed.template["Outputs"].values() if o["Description"].isupper()}
    assert declared == {
        "WEBLOGS_ENV",
        "AWS_REGION",
        "WEBLOGS_BUCKET",
        "REDSHIFT_USER",
        "REDSHIFT_PASSWORD_SECRET",
        "WEBLOGS_COPY_ROLE",
        "WEBLOGS_DASHBOARD_USER",
        "WEBLOGS_DASHBOARD_PASSWORD_SECRET",
        "WEBLOGS_ALERT_SNS_TOPIC",
        "WEBLOGS_QUEUE_URL",
    }
    # moto makes no secret of a template, and leaves out the outputs that name one.
    assert declared - set(deployed.settings) == {
        "REDSHIFT_PASSWORD_SECRET",
        "WEBLOGS_DASHBOARD_PASSWORD_SECRET",
    }
    assert deployed.settings["WEBLOGS_BUCKET"] == BUCKET
    assert deployed.settings["AWS_REGION"] == REGION
    role = deployed.aws.client("iam").get_role(RoleName=deployed.resources["CopyRole"])["Role"]
    assert deployed.settings["WEBLOGS_COPY_ROLE"] == role["Arn"]
    assert QueueSettings.from_env(deployed.settings).url == deployed.settings["WEBLOGS_QUEUE_URL"]
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:s"
    elsewhere = {"REDSHIFT_HOST": "h", "REDSHIFT_DATABASE": "weblogs", "REDSHIFT_PASSWORD_SECRET": secret}
    settings = Settings.from_env({**deployed.settings, **elsewhere})
    assert (settings.bucket, settings.copy_role_arn) == (BUCKET, role["Arn"])


def test_the_readmes_command_makes_settings_of_the_outputs(deployed: Deployed) -> None:
    """It prints nothing, descriptions in words, or lines that no shell and no platform takes: seen once, by a person."""
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    recipe = text.partition("## From outputs to settings")[2].partition("\n## ")[0]
    words = shlex.split("".join(line for line in recipe.splitlines(True) if line.startswith("    ")))
    asked, output = words[words.index("--query") + 1], words[words.index("--output") + 1]
    answer = deployed.aws.client("cloudformation").describe_stacks(StackName=STACK)
    rows = jmespath.search(asked, answer)
    assert output == "text"
    # As the AWS CLI prints rows: a line each, columns by tabs.
    lines = ["\t".join(row) for row in rows]
    found = dict(line.split("=", 1) for line in lines)
    assert found == deployed.settings
    assert set(found) <= set(BY_VARIABLE)
    assert shlex.split("\n".join(lines)) == lines
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:s"
    elsewhere = {"REDSHIFT_HOST": "h", "REDSHIFT_DATABASE": "weblogs", "REDSHIFT_PASSWORD_SECRET": secret}
    assert Settings.from_env({**found, **elsewhere}).bucket == BUCKET
    assert not [e for e in effective_settings(found) if e.complaint]


def test_what_lands_in_the_bucket_reaches_the_sensor(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way: an object in the deployed bucket, S3's word of it in the deployed queue, a run request."""
    configured = deployed.rendered(
        deployed.template["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]
    )
    queues = [
        {
            "QueueArn": q["Queue"],
            "Events": [q["Event"]],
            "Filter": {"Key": {"FilterRules": q["Filter"]["S3Key"]["Rules"]}},
        }
        for q in configured["QueueConfigurations"]
    ]
    noticed = {q["Filter"]["Key"]["FilterRules"][0]["Value"].rstrip("/") for q in queues}
    assert noticed == {*FIREHOSE_PREFIXES, *BATCH_PREFIXES}
    s3 = deployed.aws.client("s3")
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": queues}
    )
    key = f"{STREAMS[0].landing_hour_prefix(FIRST)}web+logs 1 ü.gz"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    s3.put_object(Bucket=BUCKET, Key="reports/web_logs/2025/07/20/10/hour.x.json", Body=b"{}")
    lake = MemoryLake()
    lake.__dict__["bucket"] = BUCKET
    lake.objects[key] = LandingObject(key, "e1", 2, NOW)
    # On AWS the credentials are the process's own.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    # The output is the queue's address on AWS; moto answers at its own.
    name = deployed.settings["WEBLOGS_QUEUE_URL"].rpartition("/")[2]
    url = deployed.aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    inbox = InboxResource(variables={**deployed.settings, "WEBLOGS_QUEUE_URL": url}, wait_secs=0)
    given = Given(lake, MemoryLedger(), None)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance,
            definitions=build_definitions(),
            resources={"lake": given, "redshift": given, "inbox": inbox},
        )
        sensor = inbox_sensor(streams=STREAMS, jobs=[stream_job(spec=s) for s in STREAMS], clock=lambda: NOW)
        result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    assert [_hours(request) for request in result.run_requests or []] == [["10"]]
