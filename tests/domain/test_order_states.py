import copy

import pytest

from app.domain import orders
from app.domain.order_states import DELIVERY_LABELS, Fulfilment, Label, Tone, delivery_label


def shipment(status=None, items=None, returned=0, **details):
    made = {"details": {"delivery_status_id": status, **details}}
    if items is not None:
        made["items"] = [{"quantity": items}]
    if returned:
        made["returns"] = [{"items": [{"quantity": returned}]}]
    return made


@pytest.mark.parametrize(
    ("status", "ordered", "shipments", "state"),
    [
        (None, 2, [], "pending"),
        ("Completed", 2, [], "delivered"),
        ("Something else", 2, [], "pending"),
        (None, 2, [{}], "pending"),
        (None, 2, [shipment("pending", 2)], "pending"),
        (None, 2, [shipment("never heard of", 2)], "pending"),
        (None, 2, [shipment("shipped", 2)], "shipped"),
        (None, 2, [shipment("IN TRANSIT", 2)], "shipped"),
        (None, 2, [shipment("shipped", 1)], "partially_shipped"),
        (None, 2, [shipment("delivered", 1)], "partially_shipped"),
        (None, 2, [shipment("shipped", 1), shipment("pending", 1)], "partially_shipped"),
        (None, 2, [shipment("shipped", 1), shipment("delivered", 1)], "shipped"),
        (None, 2, [shipment("shipped")], "shipped"),
        (None, 2, [shipment("delivered", 2)], "delivered"),
        (None, 2, [shipment("shipped", 2, delivered_at="2019-08-24T14:15:22Z")], "delivered"),
        (None, 2, [shipment("shipped", 2, shipping_packages=[{"delivered_at": "2019-08-24"}])], "delivered"),
        (
            None,
            2,
            [shipment("shipped", 2, shipping_packages=[{"delivered_at": "2019-08-24"}, {}])],
            "shipped",
        ),
        (None, 2, [shipment("delivered", 2, returned=1)], "partially_returned"),
        (None, 2, [shipment("delivered", 2, returned=2)], "returned"),
        (None, 2, [shipment("delivered", 1, returned=1), shipment("delivered", 1)], "partially_returned"),
        (None, 0, [shipment("delivered", 2, returned=2)], "returned"),
        (None, 2, [shipment("returned", 2)], "returned"),
        (None, 2, [shipment("returned", 1), shipment("delivered", 1)], "partially_returned"),
        (None, 2, [shipment("canceled", 2)], "cancelled"),
        (None, 2, [shipment("cancelled", 1), shipment("delivered", 2)], "delivered"),
        ("Canceled", 2, [shipment("pending", 2)], "cancelled"),
    ],
)
def test_fulfilment_follows_from_the_shipments(status, ordered, shipments, state):
    document = {"external_order_id": "A", "status_label": status, "shipments": copy.deepcopy(shipments)}
    if ordered:
        document["ordered_products"] = [{"quantity": ordered}]
    assert orders.parse(document).fulfilment == state


@pytest.mark.parametrize(
    ("status_id", "status_label", "label"),
    [
        ("pending", None, Label("Pending", Tone.NEUTRAL)),
        ("delivered", None, Label("Delivered", Tone.SUCCESS)),
        ("Canceled", None, Label("Cancelled", Tone.DANGER)),
        ("delivered", " Zugestellt ", Label("Zugestellt", Tone.SUCCESS)),
        ("at_customs", None, Label("At customs", Tone.NEUTRAL)),
        ("at_customs", "Beim Zoll", Label("Beim Zoll", Tone.NEUTRAL)),
        (None, None, Label("Unknown", Tone.NEUTRAL)),
        ("", " ", Label("Unknown", Tone.NEUTRAL)),
    ],
)
def test_delivery_label(status_id, status_label, label):
    assert delivery_label(status_id, status_label) == label


def test_every_state_has_words_of_its_own():
    texts = [state.label.text for state in Fulfilment]
    assert len(set(texts)) == len(texts) == 7
    assert {label.tone for label in DELIVERY_LABELS.values()} == set(Tone)
