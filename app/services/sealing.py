"""Secrets at rest: sealed with a key that the database does not hold."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


@dataclass(frozen=True)
class Sealer:
    """Seals with the first of the program's keys, and opens what any of them sealed."""

    keys: Sequence[str]

    def seal(self, text: str) -> str:
        """Return the text sealed."""
        return self._fernet().encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """Return the text, or None when its key is gone."""
        try:
            return self._fernet().decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None

    def _fernet(self) -> MultiFernet:
        digests = [hashlib.sha256(b"sealing:" + key.encode()).digest() for key in self.keys]
        return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
