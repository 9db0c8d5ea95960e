"""What a hold forbids: to change the data of a customer that is only to be kept (Art. 18 GDPR)."""

import uuid

from sqlalchemy.orm import Session

from app.domain.actor import Actor
from app.domain.texts import N_
from app.errors import Conflict
from app.queries import data_requests

REFUSED = N_("The customer's data is on hold: it is kept, and nothing of it can be changed now.")


def refuse(session: Session, actor: Actor, customer_id: uuid.UUID) -> None:
    """Raise Conflict while a hold forbids to change the customer, whom the act has locked."""
    if not data_requests.may_change(session, actor, customer_id):
        raise Conflict(message=REFUSED)
