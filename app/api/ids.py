"""Ids in paths: what is no id is nobody's, and answers as such."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import NotFound

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\Z", re.IGNORECASE)


def read(text: str, missing: type[NotFound]) -> uuid.UUID:
    """Return the id in a path; raises `missing` for a text that is none."""
    if not _UUID.match(text):
        raise missing
    return uuid.UUID(text)


@contextmanager
def named(missing: type[NotFound]) -> Iterator[None]:
    """Say which thing is missing when a service does not find it and nobody said so yet."""
    try:
        yield
    except NotFound as error:
        raise (missing() if type(error) is NotFound else error) from None
