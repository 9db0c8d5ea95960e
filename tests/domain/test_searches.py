import pytest

from app.domain import folding, search_matches, searches
from app.domain.searches import CustomerQuery, CustomerSort, Searchable, Term
from app.errors import Invalid

ZOE = Searchable(
    first_name="Zoë",
    last_name="O'Connor-Müller",
    email="zoe_m@Example.com",
    phone_number="06 12 34 56 78",
    phone_e164="+33612345678",
    display_id="JO2MDZ",
    order_keys=("web 10234",),
)


def found(text: str, person: Searchable = ZOE) -> bool:
    return searches.matches(person, searches.terms(text), searches.order_term(text))


@pytest.mark.parametrize(
    "text",
    [
        "zoe", "ZOË", "o'connor", "oconnor", "O’Connor", "nnor", "muller", "Müller", "mul zo", "zo mul", "z", "mu",  # noqa: E501
        "zoe_m@example.com", "zoe m", "example", "m@exam", "06 12 34 56 78", "0612345678", "+33 (0)6 12 34 56 78",  # noqa: E501
        "0033612345678", "06.12.34.56.78", "5678", "zoe 5678", "٠٦١٢٣٤٥٦٧٨", "jo2mdz", "WEB-10234", "web 102",
    ],
)  # fmt: skip
def test_each_way_of_typing_finds(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%",
        "_",
        "*",
        '"',
        "\\",
        "' or 1=1",
        "%zoe",
        "zo*",
        "b",
        "zoe smith",
        "06 12 34 56 79",
        "web",
        "10234x",
        "---",
    ],
)
def test_what_is_not_there_is_not_found(text: str) -> None:
    assert not found(text)


def test_one_or_two_letters_begin_a_word_and_three_are_any_part() -> None:
    person = Searchable(first_name="Anna", last_name="Nesmith")
    assert [found(text, person) for text in ("a", "an", "na", "smi", "mith")] == [
        True,
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("person", "text"),
    [
        (Searchable(first_name="小龙", last_name="李"), "龙"),
        (Searchable(first_name="小龙", last_name="李"), "小龙"),
        (Searchable(first_name="Ελένη", last_name="Παπαδοπούλου"), "παπα"),
        (Searchable(first_name="Мария", last_name="Иванова"), "ИВАН"),
        (Searchable(first_name="محمد", last_name="الحداد"), "حداد"),
        (Searchable(first_name="さくら", last_name="田中"), "中"),
    ],
)
def test_names_in_any_script_are_found(person: Searchable, text: str) -> None:
    assert found(text, person)


@pytest.mark.parametrize("text", ["mullr", "mulller", "mulelr", "nuller", "oconner"])
def test_one_wrong_letter_is_forgiven(text: str) -> None:
    wanted = searches.terms(text)
    assert (searches.matches(ZOE, wanted), searches.matches_with_typo(ZOE, wanted)) == (False, True)


@pytest.mark.parametrize("text", ["zeo", "mulxyr", "5679"])
def test_short_words_numbers_and_two_wrong_letters_are_not_forgiven(text: str) -> None:
    assert not searches.matches_with_typo(ZOE, searches.terms(text))


def test_two_words_one_edit_apart_share_a_variant() -> None:
    for typed in ("mullr", "mulller", "mulelr", "nuller"):
        assert searches.variants(typed) & searches.variants("muller")


def test_terms_are_read_once_and_numbers_are_joined() -> None:
    assert searches.terms("Anna anna 06 12 34 56 78 !") == (Term("anna"), Term("612345678", is_number=True))
    assert searches.terms("12 ab") == (Term("12"), Term("ab"))
    assert searches.terms("0000") == (Term("0000", is_number=True),)


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"text": "a" * 201}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"text": 5}, "text"),
        ({"text": "a\u202eb"}, "text"),
        ({"attribute_name": "shirt_fit"}, "attribute_value"),
        ({"attribute_value": "slim"}, "attribute_name"),
        ({"attribute_name": "a" * 61, "attribute_value": "b"}, "attribute_name"),
        ({"attribute_name": "a", "attribute_value": "b" * 501}, "attribute_value"),
        ({"sort": "id; DROP TABLE customer"}, "sort"),
        ({"list": "everybody"}, "list"),
        ({"opt_in_state": "maybe"}, "opt_in_state"),
    ],
)
def test_what_cannot_be_asked_says_why(over: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        CustomerQuery(**over)
    assert list(refused.value.fields) == [field]


def test_a_query_takes_names_as_pasted() -> None:
    query = CustomerQuery(text=" Zoe\tO'Connor\n", sort="name")
    assert (query.text, query.sort) == ("Zoe O'Connor", CustomerSort.NAME)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("zoe mul", None),
        ("xample", ("E-mail", "…xample…")),
        ("5678", ("Phone", "…5678")),
        ("6123", ("Phone", "…6123…")),
        ("jo2m", ("ID", "JO2MDZ")),
        ("mulelr", ("Similar", "O'Connor-Müller")),
    ],
)
def test_a_row_says_why_it_was_found_where_the_name_does_not(
    text: str, match: tuple[str, str] | None
) -> None:
    person = ZOE._replace(order_keys=())
    why = search_matches.why(person, searches.terms(text))
    assert (why and (why.label, why.text)) == match


def test_an_order_is_the_reason_where_there_is_one() -> None:
    why = search_matches.why(ZOE, searches.terms("web 102"))
    assert why == search_matches.Match(label="Order", text="WEB 10234")


@pytest.mark.parametrize("code", range(128))
def test_ascii_is_folded_like_any_text(code: int) -> None:
    text = f"{chr(code)}A{chr(code) * 2}b{chr(code)}"
    assert folding.words(f"{text} é") == [*folding.words(text), "e"]
    assert folding.fold(f"{text} é") == f"{folding.fold(text)} e"
    assert folding.digits(f"{text}٣") == f"{folding.digits(text)}3"
    # A text as shown and as folded part words at the same places.
    shown = [text[start:end] for start, end in search_matches.spans(f"{text}é", (Term("b"),))]
    assert shown == [text[start:end] for start, end in search_matches.spans(text, (Term("b"),))]


@pytest.mark.parametrize(
    ("shown", "text", "marked"),
    [
        ("Zoë O'Connor", "oconn", ["O'Conn"]),
        ("Straße", "ss", []),
        ("Straße", "strass", ["Straß"]),
        ("Anna Nana", "ana", ["ana"]),
        ("Lefèvre", "fev", ["fèv"]),
        ("Anna", "%", []),
        ("O'Connor (ANN)/Anna", "an nna", ["AN", "Anna"]),
        ("…anna@gmail.…", "gma", ["gma"]),
        ("…gmail…", "il..", ["il…"]),
    ],
)
def test_highlights_are_in_the_text_as_shown(shown: str, text: str, marked: list[str]) -> None:
    spans = search_matches.spans(shown, searches.terms(text))
    assert [shown[start:end] for start, end in spans] == marked
