"""How far an order and its shipments have come, with the words and the colour for each state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app.domain.texts import N_


class Tone(StrEnum):
    """What a state means for the reader; never the only sign of it."""

    NEUTRAL = "neutral"
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Label:
    """A state in words, in English until translated, and its tone."""

    text: str
    tone: Tone


class Fulfilment(StrEnum):
    """How far an order has come."""

    PENDING = "pending"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    PARTIALLY_RETURNED = "partially_returned"
    RETURNED = "returned"
    CANCELLED = "cancelled"

    @property
    def label(self) -> Label:
        """The state in words, and its tone."""
        return _FULFILMENT_LABELS[self]


_FULFILMENT_LABELS: Final = {
    Fulfilment.PENDING: Label(N_("Not shipped yet"), Tone.NEUTRAL),
    Fulfilment.PARTIALLY_SHIPPED: Label(N_("Partly shipped"), Tone.WARNING),
    Fulfilment.SHIPPED: Label(N_("Shipped"), Tone.INFO),
    Fulfilment.DELIVERED: Label(N_("Delivered"), Tone.SUCCESS),
    Fulfilment.PARTIALLY_RETURNED: Label(N_("Partly returned"), Tone.WARNING),
    Fulfilment.RETURNED: Label(N_("Returned"), Tone.NEUTRAL),
    Fulfilment.CANCELLED: Label(N_("Cancelled"), Tone.DANGER),
}

DELIVERY_LABELS: Final[Mapping[str, Label]] = {
    "pending": Label(N_("Pending"), Tone.NEUTRAL),
    "processing": Label(N_("Being prepared"), Tone.NEUTRAL),
    "ready_for_pickup": Label(N_("Ready to collect"), Tone.INFO),
    "shipped": Label(N_("Shipped"), Tone.INFO),
    "in_transit": Label(N_("On its way"), Tone.INFO),
    "out_for_delivery": Label(N_("Out for delivery"), Tone.INFO),
    "attempted": Label(N_("Delivery tried"), Tone.WARNING),
    "delayed": Label(N_("Delayed"), Tone.WARNING),
    "delivered": Label(N_("Delivered"), Tone.SUCCESS),
    "picked_up": Label(N_("Collected"), Tone.SUCCESS),
    "completed": Label(N_("Handed over"), Tone.SUCCESS),
    "returned": Label(N_("Returned"), Tone.NEUTRAL),
    "exception": Label(N_("Delivery problem"), Tone.DANGER),
    "failed": Label(N_("Delivery failed"), Tone.DANGER),
    "lost": Label(N_("Lost"), Tone.DANGER),
    "cancelled": Label(N_("Cancelled"), Tone.DANGER),
}
_SPELLINGS: Final = {
    "canceled": "cancelled",
    "collected": "picked_up",
    "complete": "completed",
    "fulfilled": "completed",
    "in_delivery": "out_for_delivery",
    "failure": "failed",
    "fulfillment_in_progress": "processing",
    "refunded": "returned",
}
_UNKNOWN: Final = Label(N_("Unknown"), Tone.NEUTRAL)
_ARRIVED: Final = frozenset({"delivered", "picked_up", "completed", "returned"})
_UNDERWAY: Final = frozenset(
    {"shipped", "in_transit", "out_for_delivery", "attempted", "delayed", "exception", "failed", "lost"}
)


def delivery_label(status_id: str | None, status_label: str | None = None) -> Label:
    """Return the words and tone of a `delivery_status_id`; the source's own words win over ours."""
    known = DELIVERY_LABELS.get(_code(status_id))
    if status_label and status_label.strip():
        return Label(status_label.strip(), known.tone if known else Tone.NEUTRAL)
    if known:
        return known
    words = (status_id or "").replace("_", " ").replace("-", " ").strip()
    return Label(words[:1].upper() + words[1:], Tone.NEUTRAL) if words else _UNKNOWN


def fulfilment(document: Mapping[str, Any]) -> Fulfilment:
    """Derive how far an order has come, from its shipments; without any, from its `status_label`."""
    status = _code(document.get("status_label"))
    if status == "cancelled":
        return Fulfilment.CANCELLED
    shipments: Sequence[Mapping[str, Any]] = document.get("shipments") or []
    states = [_shipment_state(shipment) for shipment in shipments]
    if not shipments:
        # What is bought over the counter is often sent to us without a shipment.
        return _WITHOUT_SHIPMENTS.get(status, Fulfilment.PENDING)
    if all(state == "cancelled" for state in states):
        return Fulfilment.CANCELLED
    ordered = units(document.get("ordered_products"))
    returned = _returned_units(shipments)
    sent = [
        (shipment, state) for shipment, state in zip(shipments, states, strict=True) if state in _SENT_STATES
    ]
    sent_units = sum(units(shipment.get("items")) for shipment, _ in sent)
    total = ordered or sent_units
    if all(state in {"returned", "cancelled"} for state in states) or (total and returned >= total):
        return Fulfilment.RETURNED
    if returned or any(state == "returned" for state in states):
        return Fulfilment.PARTIALLY_RETURNED
    if not sent:
        return Fulfilment.PENDING
    waiting = any(state == "pending" for state in states)
    # A shipment that lists no items says nothing of how much was sent.
    short = sent_units < ordered and all(shipment.get("items") for shipment, _ in sent)
    if waiting or short:
        return Fulfilment.PARTIALLY_SHIPPED
    return Fulfilment.DELIVERED if all(state == "delivered" for _, state in sent) else Fulfilment.SHIPPED


_SENT_STATES: Final = frozenset({"shipped", "delivered", "returned"})
_WITHOUT_SHIPMENTS: Final = {
    "shipped": Fulfilment.SHIPPED,
    "in_transit": Fulfilment.SHIPPED,
    "delivered": Fulfilment.DELIVERED,
    "picked_up": Fulfilment.DELIVERED,
    "completed": Fulfilment.DELIVERED,
    "returned": Fulfilment.RETURNED,
    "partially_returned": Fulfilment.PARTIALLY_RETURNED,
    "partially_shipped": Fulfilment.PARTIALLY_SHIPPED,
}


def units(products: Sequence[Mapping[str, Any]] | None) -> int:
    """Count the pieces in a list of products; one without a quantity is one piece."""
    return sum(
        max(0, int(product.get("quantity") or 0)) if "quantity" in product else 1
        for product in products or []
    )


def _shipment_state(shipment: Mapping[str, Any]) -> str:
    """Return pending, shipped, delivered, returned or cancelled."""
    details = shipment.get("details") or {}
    status = _code(details.get("delivery_status_id"))
    if status in {"cancelled", "returned"}:
        return status
    packages = details.get("shipping_packages") or []
    if status in _ARRIVED or details.get("delivered_at") is not None:
        return "delivered"
    if packages and all(package.get("delivered_at") is not None for package in packages):
        return "delivered"
    return "shipped" if status in _UNDERWAY else "pending"


def _returned_units(shipments: Sequence[Mapping[str, Any]]) -> int:
    return sum(
        units(returned.get("items")) for shipment in shipments for returned in shipment.get("returns") or []
    )


def _code(text: str | None) -> str:
    code = (text or "").strip().casefold().replace(" ", "_").replace("-", "_")
    return _SPELLINGS.get(code, code)
