"""Contacts of customers: feedback, loyalty and complaints, with what they wrote.

Complaints tend to come back within the half hour, which is what a time to resolution is measured by.
Excerpts look personal and are invented; some hold accents, other scripts and emoji, and a few exceed 255
bytes.
"""

from __future__ import annotations

import json
from random import Random

from weblogs_platform.local.traffic.firehose import SECOND_US
from weblogs_platform.local.traffic.model import LONGEST_VISIT_US, Population, iso_micros, lookup
from weblogs_platform.local.traffic.record import LATE, Record

MEAN_EVENTS = 1.15
"""Contacts of an average case."""

_KINDS = lookup(("Feedback", "Loyalty", "Complaint"), (50, 28, 22), 64)
_CHANNELS = lookup(('"Email"', '"App"', '"Phone"', "null"), (42, 34, 18, 6), 64)
_RATINGS = {
    "Feedback": lookup(("5", "4", "3", "2", "1", "null"), (34, 28, 14, 7, 5, 12), 64),
    "Loyalty": lookup(("null", "5", "4", "3"), (62, 22, 12, 4), 64),
    "Complaint": lookup(("1", "2", "3", "null"), (46, 30, 8, 16), 64),
}
_TEXTS = {
    "Feedback": (
        "Hi, this is {name}: order {order} came two days early, thank you!",
        "{name} here. The app is quick, but I cannot find my wish list",
        "Très contente de ma commande {order}, merci ! — {name}",
        "Die Größe passt, die Farbe nicht ganz. Grüße, {name}",
        'It says "in stock", it was not (order {order})',
        "とても良かったです、また買います ({name})",
        "Great 👍👍",
    ),
    "Loyalty": (
        "{name} would like to use the points of order {order}",
        "Please add my birthday voucher, {name}",
        "¿Cuántos puntos tengo? Soy {name}",
        "Points of {order} missing on my card",
    ),
    "Complaint": (
        "Order {order} still has not arrived!! Call me back, {name}",
        "Wrong size again, {order}. I want my money back.",
        "The parcel for {name} was open and wet\nand nobody answers the phone",
        "Заказ {order} пришёл разбитым 😡",
        "Refund for {order} promised by e-mail C:\\promo\\offer, never seen. {name}",
    ),
}
_NAMES = lookup(
    (
        "Ama Mensah",
        "Jonas Weiß",
        "Zoë Lefèvre",
        "Mary O'Neill",
        "Sofía Núñez",
        "Li Wei",
        "Yuki Tanaka",
        "J. Smith",
    ),
    (9, 8, 7, 7, 6, 5, 5, 9),
    64,
)
_ELABORATION = (
    " I have written about this several times, and every time somebody promised to look into it"
    " – früher war das besser."
)


def visit(rng: Random, start_us: int, late_us: int, people: Population) -> list[Record]:
    """The records of one case, which may hold several contacts of one customer."""
    customer = people.draw(rng).user_id
    kind = _KINDS[rng.getrandbits(6)]
    records: list[Record] = []
    at_us = start_us
    while at_us - start_us <= LONGEST_VISIT_US:
        records.append(_contact(rng, at_us, late_us, customer, kind))
        if rng.random() >= (0.42 if kind == "Complaint" else 0.07):
            break
        at_us += int((4 + 26 * rng.random()) * 60 * SECOND_US)
    return records


def _contact(rng: Random, at_us: int, late_us: int, customer: int, kind: str) -> Record:
    lag = rng.random()
    taken_us = at_us + 60_000 + int(lag * lag * 2_500_000)
    line = (
        f'{{"timestamp": "{iso_micros(taken_us)}", "payload": {{"customer_id": {customer}, '
        f'"interaction_type": "{kind}", "channel": {_CHANNELS[rng.getrandbits(6)]}, '
        f'"rating": {_RATINGS[kind][rng.getrandbits(6)]}, "message_excerpt": {_excerpt(rng, kind)}, '
        f'"timestamp": {(at_us - late_us) / SECOND_US!r}}}}}'
    )
    return taken_us + 20_000 + int(lag * 180_000), line.encode(), LATE if late_us else 0


def _excerpt(rng: Random, kind: str) -> str:
    shape = rng.random()
    if shape < 0.14:
        return "null"
    texts = _TEXTS[kind]
    text = texts[int(rng.random() * len(texts))]
    text = text.format(name=_NAMES[rng.getrandbits(6)], order=f"#{10000 + int(rng.random() * 90000)}")
    if shape > 0.992:
        text += _ELABORATION * 3
    return json.dumps(text, ensure_ascii=shape > 0.9)
