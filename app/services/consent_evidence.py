"""Evidence of consent: kept beside the declaration that it proves, never changed."""

import re
import uuid

from sqlalchemy.orm import Session

from app.domain import clock, digests, payment_cards, values
from app.domain.consents import EvidenceKind
from app.domain.texts import N_
from app.domain.values import BadValue
from app.errors import Invalid
from app.models import ConsentEvidence
from app.models.base import new_id

MAX_CONTENT = 60_000
# Strokes as the signature pad draws them: moves and lines in whole numbers of a 600 × 200 box.
_PATH = re.compile(r"(M\d{1,4} \d{1,4}(L\d{1,4} \d{1,4})*)+\Z")
_MIN_POINTS = 8


def add(
    session: Session, customer_id: uuid.UUID, kind: EvidenceKind, content: str, *, device: str = ""
) -> ConsentEvidence:
    """Keep the evidence of what a customer declares in this act. Raises Invalid when it is none."""
    try:
        if kind is EvidenceKind.SIGNATURE:
            cleaned = _signature(content)
        else:
            # A name is the only one of these that somebody types.
            is_typed = kind is EvidenceKind.TYPED_NAME
            cleaned = (payment_cards.text if is_typed else values.text)(content, max_length=200)
    except BadValue as error:
        raise Invalid({"signature": [str(error)]}) from None
    evidence = ConsentEvidence(
        id=new_id(),
        customer_id=customer_id,
        kind=kind.value,
        content=cleaned,
        sha256=digests.sha256(cleaned),
        device=device[:100],
        created_at=clock.utcnow(),
    )
    session.add(evidence)
    session.flush()
    return evidence


def _signature(content: str) -> str:
    path = values.text(content, max_length=MAX_CONTENT)
    if not _PATH.match(path):
        raise BadValue(N_("The signature could not be read. Clear it and sign again, or type the name."))
    if len(re.findall(r"[ML]", path)) < _MIN_POINTS:
        raise BadValue(N_("Please sign with a few strokes, or type the name."))
    return path
