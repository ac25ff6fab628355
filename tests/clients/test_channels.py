"""The words of alerts: no values, one line, and what chats and SNS ask for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from weblogs_platform.clients.channels import plain_message, slack_message
from weblogs_platform.core.alerts import LONGEST_REASON, RUN, Alert, Trouble, alerts_of, without_values
from weblogs_platform.core.errors import InvalidSettings
from weblogs_platform.settings import AlertSettings

AT = datetime(2025, 7, 20, 10, tzinfo=UTC)


def trouble(partition: str, summary: str = "why", kind: str = RUN, about: str = "web_logs") -> Trouble:
    return Trouble(kind, about, partition, summary, "run-1", 1, AT, AT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\nsecond", "plain"),
        ("", ""),
        (
            "2 of 3 hours failed. a: unexpected KeyError: 'x'; b: y",
            "2 of 3 hours failed. a: unexpected KeyError",
        ),
        ('invalid input syntax for integer: "07911 123456"', "invalid input syntax for integer: '...'"),
        ("no mailbox anna@example.com here", "no mailbox ... here"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("é" * 400, "é" * (LONGEST_REASON - 3) + "..."),
    ],
)
def test_reasons_carry_no_values(text: str, expected: str) -> None:
    """What a customer wrote goes to a chat, or steers a terminal."""
    assert without_values(text) == expected


def test_troubles_of_a_kind_are_one_message() -> None:
    """Each hour is a message, or hours are named of which nothing was said."""
    told = alerts_of([trouble("b", "other"), trouble("a"), trouble("a", kind="conservation")])
    assert [alert.text for alert in told] == [
        "conservation gap: web_logs of a: why",
        "run failed: web_logs of 2 partitions, a to b: why (and 1 other reasons)",
    ]


def test_a_chat_is_sent_text_and_no_markup() -> None:
    """A name calls everybody in the channel, or hides a link."""
    body = slack_message(Alert((trouble("", "<!channel> <http://bad|good> & more"),)), None)
    assert body["text"] == "run failed: web_logs: &lt;!channel&gt; &lt;http://bad|good&gt; &amp; more"
    titles = [item["title"] for item in body["attachments"][0]["fields"]]
    assert titles == ["What", "Where", "Detail", "Look", "What to do"]


def test_a_subject_is_what_sns_takes() -> None:
    """A line end or a letter that is not ASCII, and the message is refused."""
    subject, text = plain_message(Alert((trouble("ü" * 200),)), "https://dagster.example")
    assert subject.isascii()
    assert len(subject) == 100
    assert "Look: https://dagster.example/runs/run-1" in text.splitlines()


def test_secrets_do_not_show() -> None:
    """The address of a webhook is its password."""
    home = {"WEBLOGS_HOME": "/nowhere", "AWS_SECRET_ACCESS_KEY": "secret"}
    settings = AlertSettings.from_env({**home, "WEBLOGS_ALERT_WEBHOOK": "https://x/secret"})
    assert settings.webhook == "https://x/secret"
    assert "secret" not in repr(settings)
    with pytest.raises(InvalidSettings, match="WEBLOGS_DAGSTER_URL"):
        AlertSettings.from_env({**home, "WEBLOGS_DAGSTER_URL": "dagster"})
