"""What a delivery looks like, and when it is tried again."""

import base64
import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from app.domain import events

EVENT_ID = uuid.UUID("01a210de-99b0-7287-bd16-e57345c8085e")


def test_the_signature_is_the_one_of_standard_webhooks():
    # The example of the specification's own libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    content = b'{"test": 2432232314}'
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = b"%s.1614265330.%s" % (str(EVENT_ID).encode(), content)
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    found = events.sign(secret, event_id=EVENT_ID, timestamp=1614265330, content=content)
    assert found == "v1," + expected


def test_two_secrets_give_two_signatures():
    keys = [events.new_secret(), events.new_secret()]
    assert keys[0] != keys[1]
    found = events.headers(keys, event_id=EVENT_ID, timestamp=5, content=b"{}")
    assert found["webhook-signature"].split(" ") == [
        events.sign(key, event_id=EVENT_ID, timestamp=5, content=b"{}") for key in keys
    ]
    assert (found["webhook-id"], found["webhook-timestamp"]) == (str(EVENT_ID), "5")


def test_what_is_no_secret_signs_nothing():
    with pytest.raises(ValueError, match="no secret"):
        events.sign("whsec_%%%", event_id=EVENT_ID, timestamp=1, content=b"")


def test_the_body_is_the_same_bytes_each_time():
    at = datetime(2026, 5, 4, 12, 0, 0, 7000, tzinfo=UTC)
    made = [events.body(event_id=EVENT_ID, kind="customer.updated", at=at, data={"a": 1}) for _ in range(2)]
    assert made[0] == made[1]
    assert json.loads(made[0]) == {
        "id": str(EVENT_ID),
        "type": "customer.updated",
        "timestamp": "2026-05-04T12:00:00.007Z",
        "data": {"a": 1},
    }


def test_tries_go_on_for_about_two_days():
    waits = [events.back_off(number) for number in range(1, events.MAX_ATTEMPTS)]
    assert waits == sorted(waits)
    assert timedelta(hours=40) < sum(waits, timedelta()) < timedelta(hours=50)
    assert events.back_off(events.MAX_ATTEMPTS) is None


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("", 0), ("0", 0), ("120", 120), ("-5", 0), ("soon", 0), ("9" * 400, 86_400), ("1e9", 0),
        ("Wed, 25 Nov 2026 12:01:30 GMT", 90), ("Wed, 25 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400), ("Wed, 25 Nov 2026 12:01:30", 90),
    ],
)  # fmt: skip
def test_a_retry_after_is_read_and_bounded(given, seconds):
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert events.asked_to_wait(given, now) == timedelta(seconds=seconds)
