"""Why a customer was found: what to highlight in the name, and what matched out of sight."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.domain import folding, searches
from app.domain.searches import Searchable, Term
from app.domain.texts import N_


@dataclass(frozen=True, kw_only=True)
class Match:
    """A match that the row does not show; of contact data only the part that was typed."""

    label: str
    text: str


def why(customer: Searchable, wanted: Sequence[Term]) -> Match | None:
    """Return the first match that cannot be seen in the name, or None when the name shows all."""
    if customer.order_keys and wanted:
        return Match(label=N_("Order"), text=customer.order_keys[0].upper())
    names = "".join(f"  {word}" for word in searches.name_words(customer)) + "  "
    for term in wanted:
        if not _is_in_name(term, customer, names):
            return _out_of_sight(term, customer)
    return None


def _is_in_name(term: Term, customer: Searchable, names: str) -> bool:
    shown = searches.haystack(Searchable(first_name=customer.first_name, last_name=customer.last_name))
    return term.pattern in shown or term.pattern in names


def _out_of_sight(term: Term, customer: Searchable) -> Match | None:
    phones = searches.haystack(Searchable(phone_number=customer.phone_number, phone_e164=customer.phone_e164))
    for label, text in (
        (N_("Phone"), phones),
        (N_("ID"), searches.haystack(Searchable(display_id=customer.display_id))),
        (N_("E-mail"), searches.haystack(Searchable(email=customer.email))),
    ):
        if term.pattern in text:
            whole = customer.display_id if label == "ID" else f"…{term.text}…"
            ends = label == "Phone" and f"{term.text} " in text
            return Match(label=label, text=f"…{term.text}" if ends else whole)
    if any(searches.is_typo(term.text, name) for name in searches.name_words(customer)):
        shown = f"{customer.first_name} {customer.last_name}".split()
        # The name stands above: the word is enough, where it is written as one.
        like = [
            word for word in shown if any(searches.is_typo(term.text, name) for name in _fold(word).split())
        ]
        return Match(label=N_("Similar"), text=like[0] if like else " ".join(shown))
    return None


def spans(text: str, wanted: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where in a shown text the terms stand, as (start, end) of its characters, apart and in order."""
    folded, origin = _folded(text)
    marked = [False] * len(text)
    for term in wanted:
        at = folded.find(term.pattern)
        while at != -1:
            places = [place for place in origin[at : at + len(term.pattern)] if place >= 0]
            # From first to last, with the apostrophe between them.
            for place in range(places[0], places[-1] + 1):
                marked[place] = True
            at = folded.find(term.pattern, at + 1)
    found: list[tuple[int, int]] = []
    for at, is_marked in enumerate(marked):
        if is_marked and found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + 1)
        elif is_marked:
            found.append((at, at + 1))
    return found


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    return folding.fold(character)


def _folded(text: str) -> tuple[str, list[int]]:
    """Fold each character by itself and remember which it came from; -1 for padding."""
    folded, origin = "  ", [-1, -1]
    for at, character in enumerate(text):
        part = _fold(character)
        if part:
            folded += part
            origin += [at] * len(part)
        elif not character.isalnum() and folding.fold(f"a{character}a") != "aa" and not folded.endswith("  "):
            folded += "  "
            origin += [-1, -1]
    return folded, origin
