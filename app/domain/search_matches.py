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
    if not wanted:
        return None
    if customer.order_keys:
        return Match(label=N_("Order"), text=customer.order_keys[0].upper())
    names = searches.name_words(customer)
    shown = searches.in_row(searches.starts(names))
    for term in wanted:
        if term.pattern not in shown:
            return _out_of_sight(term, customer, names)
    return None


def _out_of_sight(term: Term, customer: Searchable, names: Sequence[str]) -> Match | None:
    pattern = term.pattern
    # Nothing but digits stands in the words of a phone number.
    if term.text.isdecimal():
        phones = searches.in_row(searches.phone_words(customer))
        if pattern in phones:
            return Match(
                label=N_("Phone"), text=f"…{term.text}" if f"{term.text} " in phones else f"…{term.text}…"
            )
    if pattern in searches.in_row(folding.words(customer.display_id)):
        return Match(label=N_("ID"), text=customer.display_id)
    if pattern in searches.in_row(folding.words(customer.email)):
        return Match(label=N_("E-mail"), text=f"…{term.text}…")
    if any(searches.is_typo(term.text, name) for name in names):
        shown = f"{customer.first_name} {customer.last_name}".split()
        # The name stands above: the word is enough, where it is written as one.
        like = [
            word for word in shown if any(searches.is_typo(term.text, name) for name in folding.words(word))
        ]
        return Match(label=N_("Similar"), text=like[0] if like else " ".join(shown))
    return None


# Folds what becomes one character each; what becomes none is left out of ASCII, to be seen.
_BLANKS = filter(str.isspace, map(chr, range(128)))
_ONE_EACH = str.maketrans({**dict.fromkeys([*folding.BREAKS, *_BLANKS], " "), "'": "’", "`": "’", "…": "X"})


def spans(text: str, wanted: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where in a shown text the terms stand, as (start, end) of its characters, apart and in order."""
    patterns = [term.pattern for term in wanted]
    plain = text.lower().translate(_ONE_EACH)
    # The dots of "…" are no place to find something in, unless somebody looks for dots.
    if plain.isascii() and not ("…" in text and any("." in pattern for pattern in patterns)):
        found = _in_plain(f" {plain}", patterns)
    else:
        found = _in_folded(text, patterns)
    found.sort()
    apart: list[tuple[int, int]] = []
    for start, end in found:
        if apart and start <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart


def _in_plain(plain: str, patterns: Sequence[str]) -> list[tuple[int, int]]:
    """Find patterns where each character folds to one, with a blank in front of all."""
    found: list[tuple[int, int]] = []
    for pattern in patterns:
        # Words are parted by any number of blanks here: the last one is enough.
        looked_for = pattern[1:] if pattern[0] == " " else pattern
        at = plain.find(looked_for)
        while at != -1:
            end = at + len(looked_for)
            found.append((end - len(looked_for.lstrip()) - 1, end - 1))
            at = plain.find(looked_for, at + 1)
    return found


def _in_folded(text: str, patterns: Sequence[str]) -> list[tuple[int, int]]:
    folded, origin = _folded(text)
    found: list[tuple[int, int]] = []
    for pattern in patterns:
        at = folded.find(pattern)
        while at != -1:
            places = [place for place in origin[at : at + len(pattern)] if place >= 0]
            # From first to last, with the apostrophe between them.
            found.append((places[0], places[-1] + 1))
            at = folded.find(pattern, at + 1)
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
