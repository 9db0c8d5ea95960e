"""Where personal data stands: every table and column, what an export gives and an erasure does.

Export, erasure and the data map in `docs/data-map.md` are all read from `TABLES`; a table or
column that is not in it fails `tests/rules/test_personal_data.py`. To add a table, add an entry.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Whose(StrEnum):
    """Whom the rows of a table are about."""

    CUSTOMER = "customer"
    STAFF = "staff"
    NOBODY = "nobody"


class Erase(StrEnum):
    """What the erasure of a customer does with the rows that are theirs."""

    DELETE = "delete"
    """The rows go."""
    BLANK = "blank"
    """The rows stay, the columns in `blanks` are emptied."""
    REDACT = "redact"
    """The rows stay, a function of their own takes the person out (orders, the search)."""
    KEEP = "keep"
    """The rows stay as they are; `why` says on what ground."""


@dataclass(frozen=True, slots=True)
class Link:
    """How rows are found: `column` holds the customer's id, or the id of a row of the table `via`.

    `is_list`: the column holds the ids of several customers.
    """

    column: str
    via: str = ""
    is_list: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table. Columns are named in three groups, which together are all columns of the table.

    `personal` says something of a person, `identifier` points to one, `technical` does neither.
    `export` is the name of its part in an export, empty for none; then `why` says why not.
    `left_out` columns of an exported table are folded copies and keys that say nothing more.
    """

    name: str
    whose: Whose
    purpose: str
    retention: str
    roles: str
    erase: Erase
    links: tuple[Link, ...] = ()
    personal: str = ""
    identifier: str = ""
    technical: str = ""
    export: str = ""
    left_out: str = ""
    blanks: str = ""
    why: str = ""

    @property
    def columns(self) -> list[str]:
        """All columns, in the order of their groups."""
        return [*self.personal.split(), *self.identifier.split(), *self.technical.split()]

    def category(self, column: str) -> str:
        """Return the group of a column: personal, identifier or technical."""
        for group in ("personal", "identifier", "technical"):
            if column in getattr(self, group).split():
                return group
        raise KeyError(column)


BY_CUSTOMER = (Link("customer_id"),)

_UNTIL_ERASED = "until the customer is erased"
_AS_LONG = "as long as it is in use"
_STORE_PEOPLE = "people of the customer's stores"
_ADMIN = "administrators"
_DERIVED = "It is derived from the customer's own tables."
_NO_PERSON = "It holds nothing of a customer."

TABLES: tuple[Table, ...] = (
    Table(
        name="customer",
        whose=Whose.CUSTOMER,
        links=(Link("id"),),
        purpose="to find and reach the customer",
        retention=_UNTIL_ERASED,
        roles=_STORE_PEOPLE,
        export="customer",
        erase=Erase.DELETE,
        personal="email email_key first_name last_name phone_number phone_e164 country_code order_count"
        " last_order_at",
        identifier="id display_id created_by_id store_id",
        technical="created_by_client created_at updated_at revision",
        left_out="email_key",  # the folded e-mail address, said already
    ),
    Table(
        name="customer_store",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="which stores may see the customer",
        retention=_UNTIL_ERASED,
        roles=_STORE_PEOPLE,
        export="stores",
        erase=Erase.DELETE,
        personal="since reason opt_in_state opted_in_at",
        identifier="store_id customer_id",
    ),
    Table(
        name="address",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="delivery and bills",
        retention=_UNTIL_ERASED,
        roles=_STORE_PEOPLE,
        export="addresses",
        erase=Erase.DELETE,
        personal="company first_name last_name address_1 address_2 zip_code city state country_code"
        " contact_phone",
        identifier="id customer_id",
        technical="type is_default created_at updated_at",
    ),
    Table(
        name="extended_attribute",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="sizes, preferences and other advice",
        retention=_UNTIL_ERASED,
        roles=_STORE_PEOPLE,
        export="attributes",
        erase=Erase.DELETE,
        personal="name value value_key",
        identifier="customer_id",
        left_out="value_key",  # the folded value, said already
    ),
    Table(
        name="consent",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="how each opt-in stands",
        retention=_UNTIL_ERASED,
        roles=_STORE_PEOPLE,
        export="consents",
        erase=Erase.DELETE,
        personal="purpose channel state since evidence is_weak review risk",
        identifier="customer_id store_id event_id captured_by_id",
    ),
    Table(
        name="consent_event",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="proof of each opt-in and withdrawal",
        retention=_UNTIL_ERASED,
        roles=_STORE_PEOPLE,
        export="consent_events",
        erase=Erase.DELETE,
        personal="channel purpose action method source wording language declared_by device time_zone at"
        " recorded_at",
        identifier="id customer_id store_id associate_id evidence_id source_id",
        technical="wording_id wording_version",
    ),
    Table(
        name="consent_review",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="who checked the evidence of an opt-in, and what they decided",
        retention=_UNTIL_ERASED,
        roles="managers who review; administrators; auditors",
        export="reviews",
        erase=Erase.DELETE,
        personal="at purpose channel decision reason note state_before state_after since_before",
        identifier="id customer_id store_id event_id added_event_id reviewer_id bulk_id undoes_id",
        technical="review_before risk_before",
    ),
    Table(
        name="consent_evidence",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="what proves a declaration: the signature, the used link, what was read aloud",
        retention=_UNTIL_ERASED,
        roles=f"{_STORE_PEOPLE}; managers who review",
        export="evidence",
        erase=Erase.DELETE,
        personal="kind content device",
        identifier="id customer_id",
        technical="sha256 created_at",
    ),
    Table(
        name="consent_ask",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="a question that waits for the customer's answer",
        retention=_UNTIL_ERASED,
        roles=_STORE_PEOPLE,
        export="questions",
        erase=Erase.DELETE,
        personal="kind state language offers opened_at answered_at",
        identifier="id customer_id store_id associate_id token_hash contact_hash",
        technical="created_at expires_at",
        left_out="token_hash contact_hash",
    ),
    Table(
        name="consent_wording",
        whose=Whose.NOBODY,
        purpose="the words that customers are asked with",
        retention="for ever once used, as proof",
        roles="everybody",
        erase=Erase.KEEP,
        why=_NO_PERSON,
        technical="id key purpose channels language version title text created_by_id created_at updated_at"
        " used_at retired_at revision",
    ),
    Table(
        name="mail",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="mails to the customer, and reminders to managers; address and text go once it was sent",
        retention="until the customer is erased; reminders 30 days",
        roles="nobody",
        export="mails",
        erase=Erase.DELETE,
        personal="kind to_address language payload sent_at",
        identifier="id customer_id",
        technical="state attempts last_error created_at",
        # Links with which an opt-in is confirmed.
        left_out="payload",
    ),
    Table(
        name="customer_order",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="service, returns, accounting",
        retention="as long as the law on accounts asks, without the person once erased",
        roles=_STORE_PEOPLE,
        export="orders",
        erase=Erase.REDACT,
        why="The law asks for accounts. The person inside is removed; country, state and the"
        " beginning of the postcode stay.",
        personal="document brief placed_at state grand_total_minor item_count",
        identifier="id external_order_id order_key customer_id store_id",
        technical="channel_type currency recorded_at redacted_at",
        # The folded order number and what lists show of the document, both said already.
        left_out="order_key brief",
    ),
    Table(
        name="customer_search",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="to find the customer",
        retention=_UNTIL_ERASED,
        roles="the search only",
        erase=Erase.REDACT,
        why=_DERIVED,
        personal="haystack tokens last_key first_key last_order_ms opted_in_ms created_ms",
        identifier="doc customer_id created_by_id",
    ),
    Table(
        name="customer_search_entry",
        whose=Whose.CUSTOMER,
        links=(Link("doc", via="customer_search"),),
        purpose="to sort lists",
        retention=_UNTIL_ERASED,
        roles="the search only",
        erase=Erase.REDACT,
        why=_DERIVED,
        personal="opt_in_state last_key first_key last_order_ms opted_in_ms created_ms",
        identifier="doc place",
    ),
    Table(
        name="customer_search_index",
        whose=Whose.CUSTOMER,
        links=(Link("rowid", via="customer_search"),),
        purpose="to find the customer (SQLite)",
        retention=_UNTIL_ERASED,
        roles="the search only",
        erase=Erase.REDACT,
        why=_DERIVED,
        personal="tokens customer_search_index",
        identifier="rowid",
    ),
    Table(
        name="customer_search_word",
        whose=Whose.CUSTOMER,
        purpose="to forgive typing errors; a name goes with the last customer who bears it",
        retention=_UNTIL_ERASED,
        roles="the search only",
        erase=Erase.REDACT,
        why=_DERIVED,
        personal="variant word",
    ),
    Table(
        name="customer_search_frequency",
        whose=Whose.NOBODY,
        purpose="to choose how to search",
        retention=_AS_LONG,
        roles="the search only",
        erase=Erase.KEEP,
        why="It counts how many customers share three letters, and only where many do.",
        technical="token documents",
    ),
    Table(
        name="customer_count",
        whose=Whose.NOBODY,
        purpose="how many customers there are, without counting them each time",
        retention=_AS_LONG,
        roles="the lists of the API",
        erase=Erase.KEEP,
        why=_NO_PERSON,
        technical="change",
    ),
    Table(
        name="attribute_count",
        whose=Whose.NOBODY,
        purpose="how many customers have a common value of an attribute, without counting them each time",
        retention="as long as thousands of customers have the value",
        roles="the lists of the API",
        erase=Erase.KEEP,
        why="It counts, and only what thousands of customers share.",
        technical="name value_key change",
    ),
    Table(
        name="customer_search_place",
        whose=Whose.NOBODY,
        purpose="short numbers for the stores",
        retention=_AS_LONG,
        roles="the search only",
        erase=Erase.KEEP,
        why=_NO_PERSON,
        technical="place store_id",
    ),
    Table(
        name="audit_entry",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="who changed what: history, merging, restoring, proof",
        retention="who, what and when stay; values until the customer is erased",
        roles=f"{_STORE_PEOPLE} (history); managers, administrators and auditors (log)",
        export="changes",
        erase=Erase.BLANK,
        blanks="changes",
        why="Who did what, and when, stays as proof; the old and new values go.",
        personal="changes",
        identifier="id actor_id actor_name subject_id customer_id store_id device request_id",
        technical="at role channel action subject_type revision fields",
    ),
    Table(
        name="access_entry",
        whose=Whose.CUSTOMER,
        links=(Link("customer_id"), Link("customer_ids", is_list=True)),
        purpose="who saw which customer: to find misuse",
        retention="the time set for the log",
        roles="managers, administrators and auditors",
        export="accesses",
        erase=Erase.KEEP,
        why="It holds the internal id only, which leads nowhere once the customer is erased.",
        identifier="id actor_id actor_name store_id customer_id customer_ids device request_id",
        technical="at channel action detail search_hash",
        # The other customers of the same page are nobody's business.
        left_out="customer_ids search_hash",
    ),
    Table(
        name="idempotency_key",
        whose=Whose.CUSTOMER,
        links=(
            Link("subject_id"),
            Link("subject_id", via="address"),
            Link("subject_id", via="consent_ask"),
        ),
        purpose="a form that is sent twice saves once",
        retention=_UNTIL_ERASED,
        roles="nobody",
        erase=Erase.DELETE,
        why="It holds ids and hashes; what it led to is exported.",
        identifier="subject_id actor_key",
        technical="id act key request_hash created_at",
    ),
    Table(
        name="job",
        whose=Whose.CUSTOMER,
        links=(Link("subject_id"),),
        purpose="background work: what is to be done and how far it is",
        retention="30 days after its end, 180 for what was given up",
        roles="whoever asked for it; managers and administrators",
        erase=Erase.KEEP,
        why="It holds ids and counts, never what was said.",
        identifier="id subject_id created_by_id store_id",
        technical="kind state subject_type payload key is_wanted_again run_after attempts done_count"
        " total_count lease_token leased_until error created_at started_at finished_at",
    ),
    Table(
        name="event",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="to tell registered receivers that something changed",
        retention="30 days",
        roles=_ADMIN,
        erase=Erase.REDACT,
        why="It holds ids and names of fields, no value of theirs. What was told before goes; for 30 days it"
        " stays that this id was erased, since receivers must be told (Art. 19 GDPR).",
        identifier="customer_id store_id",
        technical="number id kind at data",
    ),
    Table(
        name="webhook_delivery",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="whether a receiver was told of an event",
        retention="30 days",
        roles=_ADMIN,
        erase=Erase.REDACT,
        why="It holds ids and the status that the receiver answered; only who was told of the erasure stays.",
        identifier="customer_id",
        technical="id webhook_id event_number state attempts due_at lease_token leased_until status error"
        " acknowledged_at created_at",
    ),
    Table(
        name="webhook",
        whose=Whose.NOBODY,
        purpose="who is told of events",
        retention=_AS_LONG,
        roles=_ADMIN,
        erase=Erase.KEEP,
        why="It names systems, no people.",
        technical="id name url kinds sealed_secret sealed_old_secret old_secret_until is_active failing_since"
        " revision created_at updated_at",
    ),
    Table(
        name="data_request",
        whose=Whose.CUSTOMER,
        links=BY_CUSTOMER,
        purpose="to answer what customers ask for, in time",
        retention=_AS_LONG,
        roles="managers, administrators and auditors",
        export="requests",
        erase=Erase.BLANK,
        blanks="note identity_note outcome extension_reason",
        why="It proves that the request was met, and when; the notes go.",
        personal="note identity_note outcome extension_reason",
        identifier="id customer_id store_id received_by_id received_by_name closed_by_name",
        technical="kind state origin channel identity received_at due_at extended_at erase_after export_until"
        " reminded_days reminded_at started_at closed_at revision",
    ),
    Table(
        name="data_request_step",
        whose=Whose.CUSTOMER,
        links=(Link("request_id", via="data_request"),),
        purpose="how far an erasure came, and what went",
        retention=_AS_LONG,
        roles="managers, administrators and auditors",
        erase=Erase.KEEP,
        why="It holds names of tables and counts.",
        identifier="request_id",
        technical="name position row_count done_at",
    ),
    Table(
        name="erasure",
        whose=Whose.NOBODY,
        purpose="that a restored backup or an import does not bring somebody back",
        retention="for ever",
        roles="nobody",
        erase=Erase.KEEP,
        why="It holds hashes under a key that is kept outside the database.",
        technical="id key_id customer_hash email_hash phone_hash erased_at",
    ),
    Table(
        name="associate",
        whose=Whose.STAFF,
        purpose="signing in; who did what",
        retention="deactivated, never deleted",
        roles=_ADMIN,
        erase=Erase.KEEP,
        why=_NO_PERSON,
        personal="email email_key first_name last_name role locale theme",
        identifier="id",
        technical="password_hash is_active created_at updated_at revision",
    ),
    Table(
        name="associate_store",
        whose=Whose.STAFF,
        purpose="in which stores somebody works",
        retention=_AS_LONG,
        roles=_ADMIN,
        erase=Erase.KEEP,
        why=_NO_PERSON,
        identifier="associate_id store_id",
    ),
    Table(
        name="sign_in_session",
        whose=Whose.STAFF,
        links=(Link("hand_over_id", via="consent_ask"),),
        purpose="who is signed in",
        retention="24 hours at most",
        roles="nobody",
        erase=Erase.DELETE,
        why="A tablet in the hands of the erased customer is signed out.",
        identifier="token_hash associate_id store_id hand_over_id",
        technical="created_at last_seen_at confirmed_at",
    ),
    Table(
        name="sign_in_failure",
        whose=Whose.STAFF,
        purpose="to stop guessing",
        retention="15 minutes, until the next sign-in",
        roles="nobody",
        erase=Erase.KEEP,
        why=_NO_PERSON,
        identifier="account_hash source_hash",
        technical="id at",
    ),
    Table(
        name="api_client",
        whose=Whose.NOBODY,
        purpose="the programs that use the API",
        retention="deactivated, never deleted",
        roles=_ADMIN,
        erase=Erase.KEEP,
        why=_NO_PERSON,
        technical="id name name_key client_id secret_hash secret_prefix scopes every_store is_active"
        " created_at updated_at last_used_at revision",
    ),
    Table(
        name="api_client_store",
        whose=Whose.NOBODY,
        purpose="for which stores a program works",
        retention=_AS_LONG,
        roles=_ADMIN,
        erase=Erase.KEEP,
        why=_NO_PERSON,
        technical="api_client_id store_id",
    ),
    Table(
        name="api_token",
        whose=Whose.NOBODY,
        purpose="which programs are signed in",
        retention="30 days after it expired, when the program asks for a new one",
        roles=_ADMIN,
        erase=Erase.KEEP,
        why=_NO_PERSON,
        technical="id kind token_hash prefix api_client_id family_id grant scopes issued_at expires_at"
        " used_at revoked_at last_used_at",
    ),
    Table(
        name="api_failure",
        whose=Whose.NOBODY,
        purpose="to stop guessing",
        retention="15 minutes, until the next try",
        roles="nobody",
        erase=Erase.KEEP,
        why=_NO_PERSON,
        technical="id client_hash source_hash at",
    ),
    Table(
        name="api_quota",
        whose=Whose.NOBODY,
        purpose="to limit how much a program asks",
        retention="a minute",
        roles="nobody",
        erase=Erase.KEEP,
        why=_NO_PERSON,
        technical="api_client_id kind minute used",
    ),
    Table(
        name="attribute_definition",
        whose=Whose.NOBODY,
        purpose="which attributes there are",
        retention=_AS_LONG,
        roles="everybody",
        erase=Erase.KEEP,
        why=_NO_PERSON,
        technical="id key label type choices group_name position is_in_list is_sensitive is_active"
        " created_at updated_at revision",
    ),
    Table(
        name="import_job",
        whose=Whose.NOBODY,
        purpose="to go on with an import after a break",
        retention=_AS_LONG,
        roles=_ADMIN,
        erase=Erase.KEEP,
        why="It counts rows and holds none.",
        technical="id kind file_name source_hash store_id state rows_done created_count updated_count"
        " unchanged_count refused_count started_at finished_at",
    ),
    Table(
        name="store",
        whose=Whose.NOBODY,
        purpose="the stores",
        retention=_AS_LONG,
        roles="everybody",
        erase=Erase.KEEP,
        why=_NO_PERSON,
        technical="id name country_code currency time_zone is_active created_at updated_at revision",
    ),
)

BY_NAME = {table.name: table for table in TABLES}


def of_customers() -> Iterator[Table]:
    """Yield the tables that hold something of customers, or rows that hang on something of theirs."""
    return (table for table in TABLES if table.whose is Whose.CUSTOMER or table.links)


def data_map(tables: Iterable[Table] = TABLES) -> str:
    """Return the data map as Markdown: what stands where, why, for how long, who sees it."""
    parts = [
        "# Data map",
        "",
        "Written by `clienteling data-map` from `app/domain/personal_data.py`; a test compares.",
        "What an export leaves out of an exported table are folded copies and keys.",
    ]
    for whose, title in (
        (Whose.CUSTOMER, "Of customers"),
        (Whose.STAFF, "Of the people who work here"),
        (Whose.NOBODY, "Of nobody"),
    ):
        parts += ["", f"## {title}"]
        for table in tables:
            if table.whose is whose:
                parts += ["", *_described(table)]
    return "\n".join(parts) + "\n"


def _described(table: Table) -> Iterator[str]:
    yield f"### `{table.name}`"
    yield ""
    yield f"* For: {table.purpose}. Kept: {table.retention}. Seen by: {table.roles}."
    if table.whose is Whose.CUSTOMER or table.links:
        yield f"* Export: {f'as `{table.export}`' if table.export else 'no'}."
        went = {
            Erase.DELETE: "the rows are deleted",
            Erase.BLANK: f"{_listed(table.blanks)} are emptied",
            Erase.REDACT: "the person is taken out",
            Erase.KEEP: "nothing changes",
        }[table.erase]
        yield f"* Erasure: {went}.{f' {table.why}' if table.why else ''}"
    elif table.why:
        yield f"* {table.why}"
    for group in ("personal", "identifier", "technical"):
        if names := getattr(table, group):
            yield f"* {group.capitalize()}: {_listed(names)}."


def _listed(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split())
