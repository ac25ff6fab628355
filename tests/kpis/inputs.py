"""What happened in a shop, as its systems report it: events, contacts, sales, stock counts, and their deliveries.

The oracle computes from these values alone; `shop` turns them into files. Times are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class Event:
    """A web-log event. `at` None: the producer's clock said nothing, `ingested` counts."""

    session: str
    at: datetime | None
    ingested: datetime
    kind: str = "View"
    user: str | None = "1"
    page: str | None = "app"
    browser: str | None = "Chrome"
    device: str | None = "Desktop"

    @property
    def happened(self) -> datetime:
        return self.at or self.ingested


@dataclass(frozen=True, kw_only=True)
class Contact:
    """A customer interaction."""

    customer: int
    at: datetime
    kind: str = "Feedback"
    channel: str | None = "Email"
    rating: int | None = None

    @property
    def happened(self) -> datetime:
        return self.at


@dataclass(frozen=True, kw_only=True)
class Sale:
    """A record of a till; amounts as the file spells them."""

    transaction: str
    at: datetime
    store: int = 1
    product: int = 1000
    quantity: int = 1
    revenue: str = "10.00"
    discount: str | None = None

    @property
    def happened(self) -> datetime:
        return self.at


@dataclass(frozen=True, kw_only=True)
class Count:
    """A stock count."""

    inventory: str
    at: datetime
    product: int = 1000
    warehouse: int = 1
    stock: int = 100
    threshold: int | None = None

    @property
    def happened(self) -> datetime:
        return self.at


Record = Event | Contact | Sale | Count


@dataclass(frozen=True)
class Delivered:
    """A record in a file: when the file came, and the record's place in it, from 1."""

    record: Record
    at: datetime
    number: int

    @property
    def landing_hour(self) -> datetime:
        return self.at.replace(minute=0, second=0, microsecond=0)

    @property
    def order(self) -> tuple[datetime, int]:
        """Later deliveries are greater. Files of one source have different times."""
        return self.at, self.number


def cents(text: str) -> Decimal:
    """An amount as text, in cents' precision, rounded half away from zero."""
    return Decimal(text).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
