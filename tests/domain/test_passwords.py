import unicodedata

import pytest

from app.domain import passwords
from app.errors import Invalid
from app.services import sign_in


@pytest.mark.parametrize(
    "password",
    ["", "short77", "é" * 7, "x" * 129,
     "password", "PassWord1", "iloveyou", "1qaz2wsx", "monique1", "clienteling"],
)  # fmt: skip
def test_a_password_that_is_short_long_or_common_is_refused(password):
    with pytest.raises(Invalid) as refused:
        passwords.check(password)
    assert list(refused.value.fields) == ["password"]


def test_the_own_email_address_is_no_password():
    with pytest.raises(Invalid):
        passwords.check("Ada@Shop.example", email="ada@shop.example")


@pytest.mark.parametrize(
    "password", ["abcdefg4", "x1" * 64, "four calm green hills", "пароль магазина", "    12    "]
)
def test_others_are_taken_as_they_are_without_rules_of_composition(password):
    assert passwords.check(password) == password


def test_every_keyboard_makes_the_same_hash_of_an_accent():
    composed, taken_apart = "crème brûlée", unicodedata.normalize("NFD", "crème brûlée")
    assert composed != taken_apart
    assert sign_in._verify(sign_in.hash_password(taken_apart), composed)


def test_the_list_of_common_passwords_is_long_and_folded():
    assert len(passwords.COMMON) >= 3000
    assert all(len(one) >= passwords.MIN_LENGTH and one == one.casefold() for one in passwords.COMMON)


@pytest.mark.parametrize("tail", ["\x00b", "b"])
def test_no_character_is_cut_off_before_hashing(tail):
    long = "y" * 100
    stored = sign_in.hash_password(long + "\x00a")
    assert stored.startswith("$argon2id$")
    assert sign_in._verify(stored, long + "\x00a")
    assert not sign_in._verify(stored, long + tail)
    assert not sign_in._verify(stored, long)


def test_made_passwords_are_good_and_never_the_same():
    made = {passwords.generate() for _ in range(50)}
    assert len(made) == 50
    assert all(passwords.check(one) == one for one in made)
