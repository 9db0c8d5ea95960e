"""What people are told of an erasure: its steps, and what stays of the customer and why."""

from app.domain.texts import N_

STEPS = {
    "ledger": N_("Note in the ledger of erasures"),
    "search": N_("Search"),
    "address": N_("Addresses"),
    "audit_entry": N_("Values in the history"),
    "consent": N_("Opt-ins"),
    "consent_ask": N_("Questions about opt-ins"),
    "consent_event": N_("History of opt-ins"),
    "consent_evidence": N_("Evidence"),
    "consent_review": N_("Reviews of opt-ins"),
    "customer": N_("Name, e-mail address and phone number"),
    "customer_order": N_("The person in orders"),
    "customer_store": N_("Stores that know the customer"),
    "data_request": N_("Notes of data requests"),
    "extended_attribute": N_("Preferences"),
    "idempotency_key": N_("Receipts of sent forms"),
    "mail": N_("Mails"),
    "sign_in_session": N_("Tablets in the customer's hands"),
}

# By the table whose rows stay.
STAYS = {
    "customer_order": N_("Orders, without the person: the law asks for accounts."),
    "audit_entry": N_("Who changed what and when, as proof; what it was goes."),
    "access_entry": N_("Who looked at the data and when, to find misuse."),
    "data_request": N_("That the requests were made and met; the notes go."),
    "event": N_("For 30 days, that the customer was erased: other systems have to be told."),
    "job": N_("For 30 days, that the work was done."),
}
