"""Who visits, and when. Draws use only `Random.random` and `getrandbits`, whose sequences Python keeps
stable.

Busy hours follow a daily curve (UTC) and a weekday factor, both of mean 1, so that a rate means events an
hour over a whole week. Few pages and people make most of the traffic, as Zipf's law has it.
"""

from __future__ import annotations

import hashlib
import math
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from statistics import NormalDist
from typing import TypeVar

from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.firehose import HOUR_US, SECOND_US, hour_start_us

LONGEST_VISIT_US = 40 * 60 * SECOND_US
"""No visit lasts longer: what starts in one hour has arrived, duplicates included, by the end of the next."""

_DAILY = (
    38,
    26,
    19,
    15,
    15,
    20,
    34,
    58,
    86,
    108,
    120,
    126,
    130,
    124,
    120,
    118,
    122,
    134,
    152,
    170,
    176,
    158,
    112,
    67,
)
_WEEKDAYS = (1.06, 1.02, 1.0, 1.0, 0.96, 0.92, 1.04)

Choice = TypeVar("Choice")


def rng_for(*parts: object) -> Random:
    """A generator of its own for these parts, the same in every process."""
    digest = hashlib.blake2b("/".join(str(part) for part in parts).encode(), digest_size=16).digest()
    return Random(int.from_bytes(digest, "big"))


def intensity(hour: LandingHour) -> float:
    """How busy that hour is compared with the average hour."""
    day = _WEEKDAYS[hour.start.weekday()] * len(_WEEKDAYS) / sum(_WEEKDAYS)
    return day * _DAILY[hour.start.hour] * len(_DAILY) / sum(_DAILY)


def visit_starts(rng: Random, hour: LandingHour, visits: float) -> Iterator[int]:
    """Starts in that hour, microseconds since 1970, as a Poisson process of `visits` expected visits."""
    at_us = hour_start_us(hour)
    end_us = at_us + HOUR_US
    mean_gap_us = HOUR_US / visits
    while (at_us := at_us + 1 + int(-math.log(1.0 - rng.random()) * mean_gap_us)) < end_us:
        yield at_us


def lookup(choices: Sequence[Choice], weights: Sequence[float], size: int) -> list[Choice]:
    """A table of `size` entries in which each choice stands in proportion to its weight: one draw, one
    index."""
    total = sum(weights)
    table: list[Choice] = []
    reached = 0.0
    for choice, weight in zip(choices, weights, strict=True):
        reached += weight
        table.extend([choice] * (round(reached / total * size) - len(table)))
    return table


def zipf(count: int, exponent: float) -> list[float]:
    """Weights of ranks 1 to `count`."""
    return [rank**-exponent for rank in range(1, count + 1)]


def dwell_table(median_secs: float, sigma: float) -> list[int]:
    """1024 dwell times in microseconds, equally likely, log-normal."""
    normal = NormalDist(math.log(median_secs), sigma)
    return [round(math.exp(normal.inv_cdf((i + 0.5) / 1024)) * 1000) * 1000 for i in range(1024)]


@dataclass(frozen=True, slots=True)
class Visitor:
    """An account, with the browser and the device it always comes with."""

    user_id: int
    agent_json: str


class Population:
    """The shop's accounts 1139 to 9343. The same seed gives the same people, in both streams."""

    FIRST, LAST = 1139, 9343
    TABLE_SIZE = 1 << 17

    def __init__(self, seed: int) -> None:
        rng = rng_for(seed, "population")
        agents = lookup(*_agents(), 4096)
        visitors = [Visitor(n, agents[rng.getrandbits(12)]) for n in range(self.FIRST, self.LAST + 1)]
        ranked = sorted(visitors, key=lambda _: rng.random())
        self._table = lookup(ranked, zipf(len(ranked), 0.75), self.TABLE_SIZE)

    def draw(self, rng: Random) -> Visitor:
        return self._table[rng.getrandbits(17)]


def _agents() -> tuple[list[str], list[float]]:
    shares = {
        "Desktop": (46, {"Chrome": 60, "Edge": 17, "Firefox": 13, "Safari": 10}),
        "Mobile": (45, {"Chrome": 56, "Safari": 36, "Firefox": 5, "Edge": 3}),
        "Tablet": (9, {"Safari": 52, "Chrome": 42, "Firefox": 4, "Edge": 2}),
    }
    pairs = [
        (f'"browser": "{browser}", "device_type": "{device}"', float(share * part))
        for device, (share, browsers) in shares.items()
        for browser, part in browsers.items()
    ]
    return [text for text, _ in pairs], [weight for _, weight in pairs]


class IsoSeconds(dict[int, str]):
    """ISO 8601 text of whole seconds since 1970 UTC, remembered: most records share their second with
    others."""

    LIMIT = 20_000

    def __missing__(self, second: int) -> str:
        if len(self) >= self.LIMIT:
            self.clear()
        text = self[second] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return text


ISO_SECONDS = IsoSeconds()


def iso_micros(at_us: int) -> str:
    """`2025-07-17T20:40:36.066373`: the way producers write the ingestion time, always with microseconds."""
    return f"{ISO_SECONDS[at_us // SECOND_US]}.{at_us % SECOND_US:06d}"


def session_uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
