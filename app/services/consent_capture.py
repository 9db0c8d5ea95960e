"""Asking a customer for consent: what is offered, on which way, and what the answer records."""

import base64
import hmac
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain import clock, digests
from app.domain.actor import Actor
from app.domain.actor import Channel as Face
from app.domain.audit import AuditAction
from app.domain.consent_asks import AskKind, AskState, Choice
from app.domain.consents import (
    Action,
    Channel,
    ConsentInput,
    EvidenceKind,
    Method,
    Purpose,
    State,
)
from app.domain.permissions import Permission
from app.domain.texts import N_, Text
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.models import Consent, ConsentAsk, ConsentEvidence, Customer, SignInSession
from app.models.base import new_id
from app.queries import consent_asks, data_requests, scope
from app.queries import consent_wordings as wording_queries
from app.queries import customers as customer_queries
from app.services import audit, consent_evidence, consents, mails, sign_in
from app.services.mails import MailKind

LINK_LIFE = timedelta(minutes=30)
HAND_OVER_LIFE = timedelta(hours=1)
CONFIRMATION_LIFE = timedelta(days=7)
TOKEN_BYTES = 16
SPOKEN_CONTENT = N_("The wording was read aloud and the customer said yes.")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of an answer: the accepted, those that wait for a confirmation, the refused."""

    accepted: tuple[Choice, ...] = ()
    pending: tuple[Choice, ...] = ()
    refused: tuple[Choice, ...] = ()


def hand_over(
    session: Session,
    actor: Actor,
    token: str,
    customer_id: uuid.UUID,
    *,
    language: str,
    choices: Collection[Choice],
) -> ConsentAsk:
    """Put the question on this device; from now on its session opens nothing else.

    `token` is the session's. Raises NotFound, and Invalid when a choice cannot be asked for.
    """
    ask = _ask(session, actor, AskKind.HAND_OVER, customer_id, language, choices, HAND_OVER_LIFE)
    row = session.get(SignInSession, digests.sha256(token))
    if row is None:
        raise NotFound
    row.hand_over_id = ask.id
    return ask


def take_back(session: Session, actor: Actor, token: str, attempt: sign_in.Attempt) -> uuid.UUID:
    """Give the device back to its associate, who proved it by the password (`sign_in.is_right`).

    Returns the customer that was asked. Raises NotFound when nothing was handed over.
    """
    sign_in.forgive(session, attempt)
    row = session.get(SignInSession, digests.sha256(token), with_for_update=True)
    if row is None or row.hand_over_id is None:
        raise NotFound
    return _end_hand_over(session, actor, row).customer_id


def end_session(session: Session, actor: Actor, token: str) -> None:
    """End the session of a device that nobody could take back: its question ends with it."""
    row = session.get(SignInSession, digests.sha256(token), with_for_update=True)
    if row is not None and row.hand_over_id is not None:
        _end_hand_over(session, actor, row)
    sign_in.sign_out(session, actor, token)


def _end_hand_over(session: Session, actor: Actor, row: SignInSession) -> ConsentAsk:
    ask = session.get_one(ConsentAsk, row.hand_over_id)
    if ask.state == AskState.OPEN:
        ask.state = AskState.SUPERSEDED.value
    row.hand_over_id = None
    audit.record(
        session,
        actor,
        AuditAction.CONSENT_HAND_OVER_ENDED,
        subject=("consent_ask", ask.id),
        customer_id=ask.customer_id,
        store_id=ask.store_id,
    )
    return ask


def send_link(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    *,
    language: str,
    choices: Collection[Choice],
    token: str | None = None,
) -> tuple[ConsentAsk, str]:
    """Make a link for the customer's own phone, and return it with its token.

    The token works once and for half an hour; a newer link of the same store ends an older one.
    `token` is one of `link_token`, if not a random one.
    """
    ask = _ask(session, actor, AskKind.OWN_PHONE, customer_id, language, choices, LINK_LIFE)
    return ask, _give_token(session, ask, token)


def link_token(secret: str, *form: str) -> str:
    """Return the token for the link that a form makes: the same for the same form, told by the secret only.

    So a form that is sent twice shows the one link twice, and only a hash of its token is kept.
    """
    body = "\0".join(("consent link", *form)).encode("utf-8", "replace")
    mac = hmac.digest(secret.encode(), body, "sha256")[:TOKEN_BYTES]
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def answer(
    session: Session,
    ask: ConsentAsk,
    chosen: Collection[Choice],
    *,
    signature: str = "",
    signed_name: str = "",
    device: str = "",
    double_opt_in: bool,
) -> Answer:
    """Record what the customer chose of what was offered; what was left out is refused.

    Raises Invalid for a choice that was not offered or a yes without a signature, and Conflict
    when the question was answered already, ended meanwhile or is gone with the customer.
    """
    if not _take(session, ask):
        raise Conflict(message=N_("This question was answered already, or it is too old. Ask again."))
    offered = {(Channel(channel), Purpose(purpose)): uuid.UUID(key) for channel, purpose, key in ask.offers}
    if not set(chosen) <= set(offered):
        raise Invalid({"choices": [N_("Choose from what is offered.")]})
    method = Method.SIGNATURE if ask.kind == AskKind.HAND_OVER else Method.OWN_PHONE
    evidence = None
    if chosen:
        evidence = _evidence(session, ask, signature=signature, signed_name=signed_name, device=device)
    found = _record(
        session,
        _customer_actor(),
        customer_id=ask.customer_id,
        store_id=ask.store_id,
        associate_id=ask.associate_id,
        offered=offered,
        chosen=chosen,
        method=method,
        evidence=evidence,
        device=device,
        double_opt_in=double_opt_in,
        language=ask.language,
    )
    ask.state, ask.answered_at = AskState.ANSWERED.value, clock.utcnow()
    session.flush()
    return found


def spoken(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    *,
    language: str,
    choices: Collection[Choice],
    was_read_aloud: bool,
    device: str = "",
    double_opt_in: bool,
) -> Answer:
    """Record a spoken yes, the weakest evidence. Raises Invalid unless the wording was read aloud."""
    actor.require(Permission.CONSENT_CAPTURE)
    if not was_read_aloud:
        raise Invalid({"was_read_aloud": [N_("Read the wording aloud first, then tick this box.")]})
    customer = customer_queries.get(session, actor, customer_id, for_update=True)
    _refuse_on_hold(session, customer.id)
    offered = _offered(session, language, choices)
    evidence = consent_evidence.add(session, customer.id, EvidenceKind.SPOKEN, SPOKEN_CONTENT, device=device)
    return _record(
        session,
        actor,
        customer_id=customer.id,
        store_id=_store(actor),
        associate_id=actor.associate_id,
        offered=offered,
        chosen=choices,
        method=Method.SPOKEN,
        evidence=evidence,
        device=device,
        double_opt_in=double_opt_in,
        language=language,
    )


def confirm(session: Session, token: str, *, device: str = "") -> ConsentAsk:
    """Turn what waits for the link in the mail into consent. Raises NotFound as `open_link`."""
    ask = consent_asks.open_link(session, token, AskKind.CONFIRMATION)
    if not _take(session, ask):
        raise NotFound
    customer = session.get_one(Customer, ask.customer_id)
    if ask.contact_hash != digests.sha256(customer.email_key):
        raise NotFound
    evidence = consent_evidence.add(
        session, customer.id, EvidenceKind.CONFIRMATION, f"Link {ask.id}", device=device
    )
    accepted = _confirm_all(session, ask, evidence, device)
    ask.state, ask.answered_at = AskState.ANSWERED.value, clock.utcnow()
    if not accepted:
        raise NotFound
    _receipt(session, _customer_actor(), customer, ask.store_id, ask.language, accepted)
    return ask


def resend(session: Session, actor: Actor, customer_id: uuid.UUID) -> None:
    """Send the confirmation mail once more; the link in the older mail ends. Raises NotFound."""
    actor.require(Permission.CONSENT_CAPTURE)
    customer = customer_queries.get(session, actor, customer_id, for_update=True)
    _refuse_on_hold(session, customer.id)
    store_id = _store(actor)
    pending = {
        (Channel(row.channel), Purpose(row.purpose))
        for row in session.scalars(
            select(Consent).where(
                Consent.customer_id == customer.id,
                Consent.store_id == store_id,
                Consent.channel == Channel.EMAIL.value,
                Consent.state == State.PENDING.value,
            )
        )
    }
    last = session.scalars(
        select(ConsentAsk)
        .where(
            ConsentAsk.customer_id == customer.id,
            ConsentAsk.store_id == store_id,
            ConsentAsk.kind == AskKind.CONFIRMATION.value,
        )
        .order_by(ConsentAsk.created_at.desc())
        .limit(1)
    ).one_or_none()
    if not pending:
        raise NotFound
    language = last.language if last else "en"
    _ask_to_confirm(session, actor, customer, store_id, language, _offered(session, language, pending))


def end_asks(
    session: Session, customer_id: uuid.UUID, *, kinds: Collection[AskKind] = tuple(AskKind)
) -> None:
    """End a customer's open questions: they were taken back or overtaken by another act."""
    for ask in session.scalars(
        select(ConsentAsk).where(
            ConsentAsk.customer_id == customer_id,
            ConsentAsk.state == AskState.OPEN.value,
            ConsentAsk.kind.in_([kind.value for kind in kinds]),
        )
    ):
        ask.state = AskState.SUPERSEDED.value


def end_by_hold(session: Session, customer_id: uuid.UUID) -> None:
    """End a customer's open questions, since nothing may be asked now, and the mail that asks to confirm.

    Their time is over: so the job that ends what is late takes back what waited for a confirmation too.
    """
    now = clock.utcnow()
    session.execute(
        update(ConsentAsk)
        .where(
            ConsentAsk.customer_id == customer_id,
            ConsentAsk.state == AskState.OPEN.value,
            ConsentAsk.expires_at > now,
        )
        .values(expires_at=now)
    )
    mails.cancel(session, customer_id, kinds=(MailKind.CONFIRM_CONSENT,))


def _take(session: Session, ask: ConsentAsk) -> bool:
    """Lock a question and its customer, first the customer as every act does; True if it can be answered."""
    customer = session.get(
        Customer, ask.customer_id, with_for_update=customer_queries.LOCK, populate_existing=True
    )
    if customer is None:
        return False
    session.refresh(ask, with_for_update=True)
    return consent_asks.is_open(ask) and not data_requests.is_on_hold(session, customer.id)


def _refuse_on_hold(session: Session, customer_id: uuid.UUID) -> None:
    """Raise Invalid while the customer's data may not be used: to ask for more would be a use."""
    if data_requests.is_on_hold(session, customer_id):
        raise Invalid({"": [N_("The customer's data is on hold: nothing can be asked now.")]})


def _store(actor: Actor) -> uuid.UUID:
    if actor.store_id is None:
        raise Forbidden(N_("Choose a store first: consent is given to a store."))
    scope.require_store(actor, actor.store_id)
    return actor.store_id


def _ask(
    session: Session,
    actor: Actor,
    kind: AskKind,
    customer_id: uuid.UUID,
    language: str,
    choices: Collection[Choice],
    life: timedelta,
) -> ConsentAsk:
    actor.require(Permission.CONSENT_CAPTURE)
    customer = customer_queries.get(session, actor, customer_id, for_update=True)
    _refuse_on_hold(session, customer.id)
    offered = _offered(session, language, choices)
    consents.require_contact(session, customer, {channel for channel, _ in choices})
    end_asks(session, customer.id, kinds=(kind,))
    ask = _new_ask(
        session,
        kind,
        customer.id,
        _store(actor),
        actor.associate_id,
        language,
        offered,
        clock.utcnow() + life,
    )
    audit.record(
        session,
        actor,
        AuditAction.CONSENT_ASKED,
        subject=("consent_ask", ask.id),
        customer_id=customer.id,
        store_id=ask.store_id,
    )
    return ask


def _new_ask(
    session: Session,
    kind: AskKind,
    customer_id: uuid.UUID,
    store_id: uuid.UUID,
    associate_id: uuid.UUID | None,
    language: str,
    offered: dict[Choice, uuid.UUID],
    expires_at: datetime,
) -> ConsentAsk:
    ask = ConsentAsk(
        id=new_id(),
        kind=kind.value,
        state=AskState.OPEN.value,
        customer_id=customer_id,
        store_id=store_id,
        associate_id=associate_id,
        language=language,
        offers=[[channel.value, purpose.value, str(key)] for (channel, purpose), key in offered.items()],
        contact_hash="",
        created_at=clock.utcnow(),
        expires_at=expires_at,
    )
    session.add(ask)
    session.flush()
    return ask


def _give_token(session: Session, ask: ConsentAsk, token: str | None = None) -> str:
    token = token or secrets.token_urlsafe(TOKEN_BYTES)
    ask.token_hash = digests.sha256(token)
    session.flush()
    return token


def _offered(session: Session, language: str, choices: Collection[Choice]) -> dict[Choice, uuid.UUID]:
    """Return the wording of each choice in the language. Raises Invalid for none."""
    if not choices:
        raise Invalid({"choices": [N_("Choose what to ask for: at least one channel.")]})
    found = wording_queries.for_choices(session, language, choices)
    if missing := set(choices) - set(found):
        template = N_("There is no wording in this language for: %(purpose)s.")
        purposes = sorted({purpose for _, purpose in missing})
        raise Invalid({"choices": [Text.of(template, purpose=Text.of(one.label)) for one in purposes]})
    order = {channel: number for number, channel in enumerate(Channel)}
    return {
        choice: found[choice].id for choice in sorted(found, key=lambda one: (one[1].value, order[one[0]]))
    }


def _evidence(
    session: Session, ask: ConsentAsk, *, signature: str, signed_name: str, device: str
) -> ConsentEvidence:
    if ask.kind == AskKind.OWN_PHONE:
        return consent_evidence.add(
            session, ask.customer_id, EvidenceKind.OWN_PHONE, f"Link {ask.id}", device=device
        )
    if signature:
        return consent_evidence.add(
            session, ask.customer_id, EvidenceKind.SIGNATURE, signature, device=device
        )
    if len(signed_name.strip()) < 2:
        raise Invalid({"signed_name": [N_("Sign in the box, or type your name.")]})
    return consent_evidence.add(session, ask.customer_id, EvidenceKind.TYPED_NAME, signed_name, device=device)


def _customer_actor() -> Actor:
    """Return the actor of a customer's own answer."""
    return Actor.system(N_("Customer"), channel=Face.WEB)


def _record(
    session: Session,
    actor: Actor,
    *,
    customer_id: uuid.UUID,
    store_id: uuid.UUID,
    associate_id: uuid.UUID | None,
    offered: dict[Choice, uuid.UUID],
    chosen: Collection[Choice],
    method: Method,
    evidence: ConsentEvidence | None,
    device: str,
    double_opt_in: bool,
    language: str,
) -> Answer:
    customer = session.get_one(Customer, customer_id)
    states = consent_asks.states(session, customer_id, store_id)
    accepted: list[Choice] = []
    pending: list[Choice] = []
    refused: list[Choice] = []
    batch: list[ConsentInput] = []
    now = clock.utcnow()
    for choice, wording_id in offered.items():
        channel, purpose = choice
        state = states.get(choice, State.NOT_ASKED)
        if choice in chosen:
            waits = double_opt_in and channel is Channel.EMAIL and state is not State.ACCEPTED
            action = Action.REQUESTED if waits else Action.GIVEN
            (pending if waits else accepted).append(choice)
        elif state in {State.NOT_ASKED, State.PENDING, State.RECONFIRM}:
            action = Action.REFUSED
            refused.append(choice)
        else:
            # Not ticking is no withdrawal: what was given or taken back before stands.
            continue
        batch.append(
            ConsentInput(
                customer_id=customer_id,
                store_id=store_id,
                channel=channel,
                purpose=purpose,
                action=action,
                method=method,
                at=now,
                source=N_("Tablet") if method is not Method.OWN_PHONE else N_("Own phone"),
                wording_id=wording_id,
                evidence_id=evidence.id if evidence else None,
                associate_id=associate_id,
                device=device,
            )
        )
    consents.record_all(session, actor, batch)
    if pending:
        _ask_to_confirm(
            session, actor, customer, store_id, language, {one: offered[one] for one in pending}, associate_id
        )
    if accepted:
        _receipt(session, actor, customer, store_id, language, accepted)
    return Answer(accepted=tuple(accepted), pending=tuple(pending), refused=tuple(refused))


def _ask_to_confirm(
    session: Session,
    actor: Actor,
    customer: Customer,
    store_id: uuid.UUID,
    language: str,
    offered: dict[Choice, uuid.UUID],
    associate_id: uuid.UUID | None = None,
) -> None:
    end_asks(session, customer.id, kinds=(AskKind.CONFIRMATION,))
    expires_at = clock.utcnow() + CONFIRMATION_LIFE
    ask = _new_ask(
        session,
        AskKind.CONFIRMATION,
        customer.id,
        store_id,
        associate_id or actor.associate_id,
        language,
        offered,
        expires_at,
    )
    ask.contact_hash = digests.sha256(customer.email_key)
    token = _give_token(session, ask)
    mails.add(
        session,
        actor,
        MailKind.CONFIRM_CONSENT,
        customer=customer,
        store_id=store_id,
        language=language,
        payload={"token": token, "wordings": _wording_ids(offered)},
    )


def _receipt(
    session: Session,
    actor: Actor,
    customer: Customer,
    store_id: uuid.UUID,
    language: str,
    accepted: Sequence[Choice],
) -> None:
    mails.add(
        session,
        actor,
        MailKind.CONSENT_RECEIPT,
        customer=customer,
        store_id=store_id,
        language=language,
        payload={"choices": [[channel.value, purpose.value] for channel, purpose in accepted]},
    )


def _wording_ids(offered: dict[Choice, uuid.UUID]) -> list[str]:
    return list(dict.fromkeys(str(key) for key in offered.values()))


def _confirm_all(session: Session, ask: ConsentAsk, evidence: ConsentEvidence, device: str) -> list[Choice]:
    """Confirm what still waits; what was withdrawn meanwhile stays withdrawn."""
    states = consent_asks.states(session, ask.customer_id, ask.store_id)
    waiting = [
        (Channel(channel), Purpose(purpose), uuid.UUID(key))
        for channel, purpose, key in ask.offers
        if states.get((Channel(channel), Purpose(purpose))) is State.PENDING
    ]
    batch = [
        ConsentInput(
            customer_id=ask.customer_id,
            store_id=ask.store_id,
            channel=channel,
            purpose=purpose,
            action=Action.CONFIRMED,
            method=Method.MAIL_LINK,
            at=clock.utcnow(),
            source=N_("Mail"),
            wording_id=key,
            evidence_id=evidence.id,
            associate_id=ask.associate_id,
            device=device,
        )
        for channel, purpose, key in waiting
    ]
    consents.record_all(session, _customer_actor(), batch)
    return [(channel, purpose) for channel, purpose, _ in waiting]
