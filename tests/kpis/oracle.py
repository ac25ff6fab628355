"""Every derived table, computed once more from what was delivered: in Python, row by row, without the SQL.

Money is decimal.Decimal. Shares nothing with the platform but the words of the domain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from tests.kpis.inputs import Contact, Count, Delivered, Event, Sale, cents

Row = dict[str, Any]
R = TypeVar("R")
G = TypeVar("G")


def grouped(rows: Iterable[R], key: Callable[[R], G]) -> dict[G, list[R]]:
    groups: dict[G, list[R]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def utc(moment: datetime) -> datetime:
    """As a TIMESTAMP comes back: UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def day_of(moment: datetime) -> date:
    return utc(moment).date()


def hour_of(moment: datetime) -> datetime:
    return utc(moment).replace(minute=0, second=0, microsecond=0)


def every_table(delivered: Sequence[Delivered]) -> dict[str, list[Row]]:
    """Rows of every table, by its name."""
    pos, inventory = pos_daily(delivered), inventory_daily(delivered)
    sessions = web_session(delivered)
    contacts = [d.record for d in delivered if isinstance(d.record, Contact)]
    return {
        "pos_daily": pos,
        "inventory_daily": inventory,
        "web_session": sessions,
        "web_traffic_hourly": web_traffic_hourly(delivered),
        "interactions_hourly": interactions_hourly(contacts),
        "support_kpi_daily": support_kpi_daily(contacts),
        "sales_kpi_daily": sales_kpi_daily(pos),
        "regional_kpi_daily": regional_kpi_daily(pos),
        "sales_product_daily": sales_product_daily(pos, inventory),
        "inventory_kpi_daily": inventory_kpi_daily(inventory),
        "operations_kpi_daily": operations_kpi_daily(pos, inventory),
        "marketing_kpi_daily": marketing_kpi_daily(sessions, contacts),
    }


def pos_daily(delivered: Iterable[Delivered]) -> list[Row]:
    records = [(d, d.record) for d in delivered if isinstance(d.record, Sale)]
    groups = grouped(records, lambda pair: pair[1].transaction)
    return [_sale(*max(group, key=lambda pair: pair[0].order)) for group in groups.values()]


def _sale(d: Delivered, sale: Sale) -> Row:
    revenue = cents(sale.revenue)
    discount = None if sale.discount is None else cents(sale.discount)
    return {
        "transaction_id": sale.transaction,
        "store_id": sale.store,
        "product_id": sale.product,
        "quantity": sale.quantity,
        "revenue": revenue,
        "discount_applied": discount,
        "transaction_timestamp": utc(sale.at),
        "net_revenue": revenue - (discount or 0),
        "sale_category": _category(revenue),
        "processing_date": day_of(d.landing_hour),
    }


def _category(revenue: Decimal) -> str:
    if revenue < 50:
        return "LOW_VALUE"
    return "MEDIUM_VALUE" if revenue < 100 else "HIGH_VALUE"


def inventory_daily(delivered: Iterable[Delivered]) -> list[Row]:
    records = [(d, d.record) for d in delivered if isinstance(d.record, Count)]
    groups = grouped(records, lambda pair: (pair[1].inventory, pair[1].at))
    return [_count(*max(group, key=lambda pair: pair[0].order)) for group in groups.values()]


def _count(d: Delivered, count: Count) -> Row:
    status = {True: "OUT_OF_STOCK", False: "LOW_STOCK"}[count.stock == 0] if count.stock < 10 else "IN_STOCK"
    return {
        "inventory_id": count.inventory,
        "product_id": count.product,
        "warehouse_id": count.warehouse,
        "stock_level": count.stock,
        "restock_threshold": count.threshold,
        "last_updated": utc(count.at),
        "stock_status": status,
        "needs_restock": count.threshold is not None and count.stock <= count.threshold,
        "processing_date": day_of(d.landing_hour),
    }


def sales_kpi_daily(pos: list[Row]) -> list[Row]:
    return [_sales_day(day, rows) for day, rows in _by_day(pos, "transaction_timestamp").items()]


def _sales_day(day: date, rows: list[Row]) -> Row:
    revenue = sum((r["revenue"] for r in rows), Decimal(0))
    units = sum(r["quantity"] for r in rows)
    return {
        "analysis_date": day,
        "total_daily_revenue": revenue,
        "total_daily_quantity_sold": units,
        "total_daily_discount_given": sum((r["discount_applied"] or Decimal("0.00")) for r in rows),
        "distinct_products_sold_daily": len({r["product_id"] for r in rows}),
        "average_price_per_item": (
            (revenue / units).quantize(Decimal("0.0001"), rounding="ROUND_HALF_UP") if units else None
        ),
    }


def regional_kpi_daily(pos: list[Row]) -> list[Row]:
    groups = grouped(pos, lambda r: (r["transaction_timestamp"].date(), r["store_id"]))
    return [
        {
            "analysis_date": day,
            "store_id": store,
            "store_daily_revenue": sum(r["revenue"] for r in rows),
            "store_daily_quantity_sold": sum(r["quantity"] for r in rows),
            "store_daily_transactions": len(rows),
        }
        for (day, store), rows in groups.items()
    ]


def sales_product_daily(pos: list[Row], inventory: list[Row]) -> list[Row]:
    stock = _stock(inventory)
    groups = grouped(pos, lambda r: (r["transaction_timestamp"].date(), r["store_id"], r["product_id"]))
    return [_product_day(key, rows, stock.get((key[0], key[2]), [])) for key, rows in groups.items()]


def _product_day(key: tuple[date, int, int], rows: list[Row], stock: list[Row]) -> Row:
    units = sum(r["quantity"] for r in rows)
    average = mean([s["stock_level"] for s in stock])
    available = [s for s in stock if s["stock_level"] > (s["restock_threshold"] or 0)]
    return {
        "analysis_date": key[0],
        "store_id": key[1],
        "product_id": key[2],
        "total_sales": sum(r["revenue"] for r in rows),
        "total_units": units,
        "stock_availability_pct": percent(len(available), len(stock)),
        "product_turnover_rate": units / average if average else None,
    }


def inventory_kpi_daily(inventory: list[Row]) -> list[Row]:
    snapshots = grouped(
        inventory, lambda r: (r["last_updated"].date(), r["warehouse_id"], r["product_id"])
    ).values()
    latest = [max(group, key=lambda r: (r["last_updated"], r["inventory_id"])) for group in snapshots]
    groups = grouped(latest, lambda r: (r["last_updated"].date(), r["warehouse_id"]))
    return [
        {
            "analysis_date": day,
            "warehouse_id": warehouse,
            "total_stock_level": sum(r["stock_level"] for r in rows),
            "distinct_products_in_stock": len({r["product_id"] for r in rows if r["stock_level"] > 0}),
            "products_in_stock": sum(r["stock_level"] >= 10 for r in rows),
            "products_low_stock": sum(0 < r["stock_level"] < 10 for r in rows),
            "products_out_of_stock": sum(r["stock_level"] == 0 for r in rows),
        }
        for (day, warehouse), rows in groups.items()
    ]


def operations_kpi_daily(pos: list[Row], inventory: list[Row]) -> list[Row]:
    sales = grouped(pos, lambda r: (r["transaction_timestamp"].date(), r["product_id"]))
    stock = _stock(inventory)
    return [_operations(key, sales.get(key, []), stock.get(key, [])) for key in {*sales, *stock}]


def _operations(key: tuple[date, int], sales: list[Row], stock: list[Row]) -> Row:
    units, average = sum(r["quantity"] for r in sales), mean([s["stock_level"] for s in stock])
    return {
        "analysis_date": key[0],
        "product_id": key[1],
        "transactions": len(sales),
        "units_sold": units,
        "avg_stock_level": average,
        "inventory_turnover": units / average if average else None,
        "restock_frequency": sum(s["needs_restock"] for s in stock),
        "stockout_alert": units > 0 and any(s["stock_level"] == 0 for s in stock),
    }


def _stock(inventory: list[Row]) -> dict[tuple[date, int], list[Row]]:
    return grouped(inventory, lambda r: (r["last_updated"].date(), r["product_id"]))


_SCORES = {"Click": 2, "View": 1, "Scroll": 1}


def web_session(delivered: Iterable[Delivered]) -> list[Row]:
    events = [d.record for d in delivered if isinstance(d.record, Event)]
    return [_session(name, visit) for name, visit in grouped(events, lambda e: e.session).items()]


def _session(name: str, visit: list[Event]) -> Row:
    first = min(visit, key=_place)
    last = max(e.happened for e in visit)
    return {
        "session_id": name,
        "user_id": first.user,
        "session_start": utc(first.happened),
        "session_end": utc(last),
        "session_duration_secs": (last - first.happened).total_seconds(),
        "total_events": len(visit),
        "unique_pages": len({e.page for e in visit} - {None, ""}),
        "engagement_score": sum(_SCORES.get(e.kind, 0) for e in visit),
        "is_bounce": len(visit) == 1,
        "browser": first.browser or "Unknown",
        "device_type": first.device or "Unknown",
        "entry_page": first.page or "Unknown",
    }


def _place(e: Event) -> tuple[Any, ...]:
    """Events at one moment: by user, page, browser and device in the order of their letters, nothing last."""
    return (e.happened, *((value is None, value or "") for value in (e.user, e.page, e.browser, e.device)))


def web_traffic_hourly(delivered: Iterable[Delivered]) -> list[Row]:
    events = [d.record for d in delivered if isinstance(d.record, Event)]
    groups = grouped(
        events,
        lambda e: (
            hour_of(e.happened),
            e.kind,
            e.browser or "Unknown",
            e.device or "Unknown",
            e.page or "Unknown",
        ),
    )
    return [
        {
            **dict(zip(("event_hour", "event_type", "browser", "device_type", "page"), key, strict=True)),
            "events": len(rows),
            "sessions": len({e.session for e in rows}),
            "unique_users": len({e.user for e in rows} - {None}),
        }
        for key, rows in groups.items()
    ]


def interactions_hourly(contacts: list[Contact]) -> list[Row]:
    groups = grouped(contacts, lambda c: (hour_of(c.at), c.kind, c.channel or "Unknown"))
    return [
        {
            "event_hour": hour,
            "interaction_type": kind,
            "channel": channel,
            "interactions": len(rows),
            **{f"rating_{n}": sum(c.rating == n for c in rows) for n in range(1, 6)},
            "unrated": sum(c.rating is None for c in rows),
        }
        for (hour, kind, channel), rows in groups.items()
    ]


def support_kpi_daily(contacts: list[Contact]) -> list[Row]:
    return [_support(day, rows) for day, rows in grouped(contacts, lambda c: day_of(c.at)).items()]


def _support(day: date, rows: list[Contact]) -> Row:
    rated = [c.rating for c in rows if c.rating is not None]
    low = sum(rating <= 2 for rating in rated)
    known = {channel: sum(c.channel == channel for c in rows) for channel in ("Email", "App", "Phone")}
    return {
        "analysis_date": day,
        "feedback_score": mean([c.rating for c in rows if c.kind == "Feedback" and c.rating is not None]),
        "total_interactions": len(rows),
        "unique_customers": len({c.customer for c in rows}),
        "low_rating_pct": percent(low, len(rated)),
        "avg_time_to_resolution_secs": mean(_resolutions(rows)),
        "avg_rating": mean(rated),
        "rated_interactions": len(rated),
        "low_ratings": low,
        **{
            f"{k.lower()}_count": sum(c.kind == k for c in rows) for k in ("Feedback", "Loyalty", "Complaint")
        },
        **{f"{channel.lower()}_count": n for channel, n in known.items()},
        "unknown_channel_count": len(rows) - sum(known.values()),
    }


def _resolutions(rows: list[Contact]) -> list[float]:
    complaints = grouped((c for c in rows if c.kind == "Complaint"), lambda c: c.customer).values()
    times = [[c.at for c in group] for group in complaints if len(group) > 1]
    return [(max(moments) - min(moments)).total_seconds() for moments in times]


def marketing_kpi_daily(sessions: list[Row], contacts: list[Contact]) -> list[Row]:
    visits, said = _by_day(sessions, "session_start"), grouped(contacts, lambda c: day_of(c.at))
    return [_marketing(day, visits.get(day, []), said.get(day, [])) for day in {*visits, *said}]


def _marketing(day: date, visits: list[Row], said: list[Contact]) -> Row:
    ratings = [c.rating for c in said if c.kind in ("Feedback", "Complaint") and c.rating is not None]
    return {
        "analysis_date": day,
        "sessions": len(visits),
        "unique_users": len({v["user_id"] for v in visits} - {None}),
        "avg_session_duration": mean([v["session_duration_secs"] for v in visits]),
        "bounce_rate_percent": percent(sum(v["is_bounce"] for v in visits), len(visits)),
        "customer_engagement_score": mean(ratings),
        "loyalty_activity_rate_percent": percent(sum(c.kind == "Loyalty" for c in said), len(said)),
    }


def _by_day(rows: list[Row], column: str) -> dict[date, list[Row]]:
    return grouped(rows, lambda r: r[column].date())
