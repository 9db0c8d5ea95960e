"""A customer's opt-ins: how they stand and how they came about."""

import uuid

from flask import Blueprint, Response

from app.domain.permissions import Permission
from app.queries import customers
from app.web import htmx, profiles
from app.web.access import current_actor, requires
from app.web.database import get_session

blueprint = Blueprint("consents", __name__)


@blueprint.get("/customers/<uuid:customer_id>/consents")
@requires(Permission.CUSTOMER_VIEW)
def index(customer_id: uuid.UUID) -> Response:
    """Show the opt-ins section."""
    session, actor = get_session(), current_actor()
    customer = customers.get(session, actor, customer_id)
    return htmx.render(
        "consents/index.html",
        fragment="consents/_list.html",
        **profiles.consent_section(session, actor, customer),
    )
