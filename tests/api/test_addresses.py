"""Operations 8 to 11, from the samples of the v0 page."""

import uuid

import pytest

from tests import factories as make
from tests.api.test_customers import ADDRESS_KEYS, CUSTOMERS, TIME, refused

SAMPLE = {
    "type": "billing",
    "company": "string",
    "first_name": "string",
    "last_name": "string",
    "address_1": "string",
    "address_2": "string",
    "zip_code": "string",
    "city": "string",
    "state": "string",
    "country_code": "AD",
    "contact_phone": "string",
}


@pytest.fixture
def url(cast):
    return f"{CUSTOMERS}/{cast.marie.id}/addresses"


@pytest.fixture
def program(api, cast):
    return api(stores=(cast.north,))


def revision(program, cast):
    return program.get(f"{CUSTOMERS}/{cast.marie.id}").get_json()["revision"]


def test_the_samples_of_create_and_get(program, url, cast):
    answer = program.post(url, json=SAMPLE | {"profile_revision": 1})
    assert answer.status_code == 200
    address = answer.get_json()
    assert set(address) == ADDRESS_KEYS
    assert {name: address[name] for name in SAMPLE} == SAMPLE
    assert address["profile_revision"] == revision(program, cast) == 2
    assert TIME.fullmatch(address["created_at"])
    assert program.get(f"{url}/{address['id']}").get_json() == address


def test_only_the_type_is_required(program, url):
    address = program.post(url, json={"type": "shipping"}).get_json()
    assert {name: address[name] for name in SAMPLE} == dict.fromkeys(SAMPLE, "") | {"type": "shipping"}


def test_both_spellings_of_the_lines_are_read(program, url):
    sent = {"type": "billing", "address_line_1": "one", "address_line_2": "two"}
    address = program.post(url, json=sent).get_json()
    assert (address["address_1"], address["address_2"]) == ("one", "two")
    assert "address_line_1" not in address
    both = program.post(url, json=sent | {"address_1": "first"}).get_json()
    assert (both["address_1"], both["address_2"]) == ("first", "two")


@pytest.mark.parametrize("method", ["put", "patch"])
def test_update_changes_what_is_sent_and_nothing_else(program, url, cast, method):
    address = program.post(url, json=SAMPLE).get_json()
    send = getattr(program, method)
    sent = {"city": "Oslo", "country_code": "NO", "state": None, "id": str(uuid.uuid4()), "is_default": False}
    changed = send(f"{url}/{address['id']}", json=sent | {"profile_revision": 2})
    assert changed.status_code == 200
    assert changed.get_json() == address | {
        "city": "Oslo",
        "country_code": "NO",
        "state": "",
        "profile_revision": 3,
        "updated_at": changed.get_json()["updated_at"],
    }
    without = send(f"{url}/{address['id']}", json={"type": "shipping"}).get_json()
    assert (without["type"], without["city"], without["profile_revision"]) == ("shipping", "Oslo", 4)
    same = send(f"{url}/{address['id']}", json={"profile_revision": 4}).get_json()
    assert same == without


@pytest.mark.parametrize("stale", [0, 1, 3, 99])
def test_a_stale_revision_is_a_conflict_for_each_act(program, url, cast, stale):
    address = program.post(url, json=SAMPLE).get_json()
    own = f"{url}/{address['id']}"
    for response in (
        program.post(url, json=SAMPLE | {"profile_revision": stale}),
        program.put(own, json={"city": "Oslo", "profile_revision": stale}),
        program.patch(own, json={"city": "Oslo", "profile_revision": stale}),
        program.delete(own, json={"profile_revision": stale}),
    ):
        answer = refused(response, 409, "conflict_version")
        assert answer["current_revision"] == 2
        assert answer["message"].endswith("Read the record again and send current_revision.")
    assert program.get(own).get_json() == address


def test_delete_asks_for_the_revision_in_its_body(program, url, cast):
    address = program.post(url, json=SAMPLE).get_json()
    own = f"{url}/{address['id']}"
    refused(program.delete(own), 400, "bad_request")
    assert list(refused(program.delete(own, json={}), 400, "bad_request")["fields"]) == ["profile_revision"]
    gone = program.delete(own, json={"profile_revision": 2})
    assert (gone.status_code, gone.data) == (204, b"")
    refused(program.get(own), 404, "address_not_found")
    refused(program.delete(own, json={"profile_revision": 3}), 404, "address_not_found")
    assert revision(program, cast) == 3


@pytest.mark.parametrize("address_id", ["nobody", "1", "null", "stranger"])
def test_an_address_that_is_not_there_is_not_found(program, url, cast, session, address_id):
    other = make.make_address(session, cast.stranger)
    own = f"{url}/{ {'nobody': uuid.uuid4(), 'stranger': other.id}.get(address_id, address_id) }"
    for response in (
        program.get(own),
        program.put(own, json={"city": "Oslo"}),
        program.patch(own, json={"city": "Oslo"}),
        program.delete(own, json={"profile_revision": 1}),
    ):
        refused(response, 404, "address_not_found")
    stranger = f"{CUSTOMERS}/{cast.stranger.id}/addresses"
    refused(program.get(f"{stranger}/{other.id}"), 404, "customer_not_found")
    refused(program.post(stranger, json=SAMPLE), 404, "customer_not_found")
    refused(program.put(f"{stranger}/{other.id}", json={"city": "Oslo"}), 404, "customer_not_found")
    refused(program.delete(f"{stranger}/{other.id}", json={"profile_revision": 1}), 404, "customer_not_found")


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"type": "home"}, "type"),
        ({"type": None}, "type"),
        ({"type": 1}, "type"),
        ({"city": 7}, "city"),
        ({"city": "x" * 101}, "city"),
        ({"address_1": ["x"]}, "address_1"),
        ({"zip_code": "x" * 21}, "zip_code"),
        ({"country_code": "XX"}, "country_code"),
        ({"country_code": "fr"}, "country_code"),
        ({"profile_revision": "1"}, "profile_revision"),
        ({"profile_revision": -1}, "profile_revision"),
        ({"profile_revision": 2**31}, "profile_revision"),
    ],
)
def test_what_cannot_be_taken_says_which_field(program, url, over, field):
    answer = refused(program.post(url, json=SAMPLE | over), 400, "bad_request")
    assert list(answer["fields"]) == [field]
