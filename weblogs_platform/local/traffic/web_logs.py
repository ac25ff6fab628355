"""A visit to the shop's web site: pages along a funnel, views, scrolls and clicks with time in between.

Records are formatted, not passed through a JSON encoder: every part is a constant, a number or escaped
beforehand.
"""

from __future__ import annotations

from random import Random

from weblogs_platform.local.traffic.firehose import SECOND_US
from weblogs_platform.local.traffic.model import (
    ISO_SECONDS,
    LONGEST_VISIT_US,
    Population,
    dwell_table,
    lookup,
    session_uuid,
    zipf,
)
from weblogs_platform.local.traffic.record import LATE, Record

MEAN_EVENTS = 5.5
"""Events of an average visit, which turns a rate of events into one of visits."""

_DWELL_US = dwell_table(median_secs=14, sigma=1.15)
_EVENTS = lookup(range(1, 41), [30, *(70 * 0.16 * 0.84**n for n in range(39))], 1024)

_ENTRY = (
    "app",
    "explore/main",
    "wp-content",
    "search/main",
    "blog/posts",
    "app/main/list",
    "explore/app/search",
)
_BROWSE = (
    "categories/list/wp-content",
    "tags/wp-content",
    "explore/tags/categories",
    "categories/list",
    "tags/categories/main",
    "posts/categories",
    "list/explore/tags",
    "search/tags",
    "wp-content/tags/posts",
    "explore/posts/list",
)
_PRODUCTS = tuple(f"product/{number}" for number in range(1000, 2000))

_STAGES = tuple(
    lookup([f'"page": "{page}"' for page in pages], zipf(len(pages), exponent), 4096)
    for pages, exponent in (
        (_ENTRY, 0.9),
        (_BROWSE, 0.8),
        (_PRODUCTS, 0.7),
        (("cart",), 1.0),
        (("checkout/address", "checkout/payment"), 0.5),
        (("checkout/complete",), 1.0),
    )
)
_NEXT = tuple(
    lookup(range(6), weights, 64)
    for weights in (
        (10, 58, 30, 2, 0, 0),
        (6, 40, 50, 4, 0, 0),
        (4, 34, 42, 20, 0, 0),
        (4, 16, 24, 14, 42, 0),
        (2, 2, 4, 12, 36, 44),
        (60, 25, 15, 0, 0, 0),
    )
)
"""The funnel: by stage (entry, browse, product, cart, checkout, complete) the stages that follow."""


def visit(rng: Random, start_us: int, late_us: int, people: Population) -> list[Record]:
    """The records of one visit that starts at `start_us`; a late one happened `late_us` before it is
    delivered."""
    draw = rng.random
    visitor = people.draw(rng)
    agent, who = visitor.agent_json, f'"user_id": {visitor.user_id}, "session_id": "{session_uuid(rng)}"'
    records: list[Record] = []
    tags = LATE if late_us else 0
    at_us, stage = start_us, 0
    page, event = _STAGES[0][int(draw() * 4096)], "View"
    for _ in range(_EVENTS[rng.getrandbits(10)]):
        lag = draw()
        taken_us = at_us + 40_000 + int(lag * lag * 1_500_000)
        line = (
            f'{{"timestamp": "{ISO_SECONDS[taken_us // SECOND_US]}.{taken_us % SECOND_US:06d}", "payload": {{'
            f'"event_type": "{event}", {agent}, {page}, {who}, '
            f'"timestamp": {(at_us - late_us) / SECOND_US!r}}}}}'
        )
        records.append((taken_us + 20_000 + int(lag * 180_000), line.encode(), tags))
        turn = draw()
        at_us += _DWELL_US[int(turn * 1024)] + int(lag * SECOND_US)
        if at_us - start_us > LONGEST_VISIT_US:
            break
        move = draw()
        if move < 0.42:
            stage = _NEXT[stage][int(move * (64 / 0.42))]
            page, event = _STAGES[stage][int(draw() * 4096)], "View"
        else:
            event = "Scroll" if move < 0.76 else "Click"
    return records
