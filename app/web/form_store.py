"""The store that a form was opened in: what it makes belongs to that store, or is asked about again."""

from flask import request
from flask_login import current_user

from app.domain.texts import N_, Text
from app.errors import Invalid

FIELD = "standing_in"


def check() -> None:
    """Raise Invalid when the user stands in another store by now than the sent form says.

    They may have changed it in another tab, or an administrator may have moved them.
    """
    store, seen = current_user.store, request.form.get(FIELD, "")
    if store is not None and seen not in {"", str(store.id)}:
        raise Invalid(
            {
                "": [
                    Text.of(
                        N_("You stand in %(name)s by now, and opened this in another store. Is that right?"),
                        name=store.name,
                    ),
                    N_("If so, send it again."),
                ]
            }
        )
