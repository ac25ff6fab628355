"""The templates of deploy/aws as documents: read, and worked out for given parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cfnlint.decode import cfn_yaml

from tests.aws.conftest import REGION
from weblogs_platform.settings import PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy" / "aws"
BUCKET = "weblogs-lake-of-the-test"
ACCOUNT = "123456789012"
_ARNS = {
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}",
}


@dataclass(frozen=True)
class Template:
    """One template with parameters; those that are not given have their defaults."""

    document: dict[str, Any]
    given: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    """Physical names by logical ones, where it is deployed; else the logical ones stand for them."""

    def properties(self, resource: str) -> Any:
        return self.rendered(self.document["Resources"][resource]["Properties"])

    def of_type(self, kind: str) -> list[str]:
        return [name for name, found in self.document["Resources"].items() if found["Type"] == kind]

    def rendered(self, value: Any) -> Any:
        """With the functions worked out; what becomes AWS::NoValue is left out."""
        match value:
            case list():
                found = [self.rendered(item) for item in value]
                return [item for item in found if item is not None]
            case {"Ref": name}:
                return self._ref(name)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([\w:]+)\}", lambda found: str(self._ref(found[1])), text)
            case {"Fn::GetAtt": [name, *_]}:
                return self._arn(name)
            case {"Fn::If": [name, yes, no]}:
                return self.rendered(yes if self._holds({"Condition": name}) else no)
            case dict():
                items = {name: self.rendered(inner) for name, inner in value.items()}
                return {name: inner for name, inner in items.items() if inner is not None}
            case _:
                return value

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Condition": name}:
                return self._holds(self.document["Conditions"][name])
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::Equals": [left, right]}:
                return self.rendered(left) == self.rendered(right)
            case _:
                raise AssertionError(condition)

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": None,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": "weblogs-test",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.given:
            return self.given[name]
        if name in self.document.get("Parameters", {}):
            return self.document["Parameters"][name]["Default"]
        return self.names.get(name, name)

    def _arn(self, name: str) -> str:
        physical = str(self._ref(name)).rpartition("/")[2]
        return _ARNS[self.document["Resources"][name]["Type"]].format(physical)


def load(name: str) -> dict[str, Any]:
    document = cfn_yaml.loads((DEPLOY / name).read_text(encoding="utf-8"))
    return json.loads(json.dumps(document))
