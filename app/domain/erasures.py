"""The ledger of erasures: hashes under a key, and its lines in a file."""

import hashlib
import hmac
import json
import re
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

_HASH = re.compile("[0-9a-f]{64}")
_KEY_ID = re.compile("[0-9a-f]{16}")


class LedgerKey:
    """The key under which ids, e-mail addresses and phone numbers are hashed; kept outside the database."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.id = self._hash("id", "")[:16]

    def of_customer(self, customer_id: uuid.UUID) -> str:
        """Return the hash of a customer's id."""
        return self._hash("customer", customer_id.hex)

    def of_email(self, email_key: str) -> str:
        """Return the hash of an e-mail address in the form under which it is unique."""
        return self._hash("email", email_key)

    def of_phone(self, phone_e164: str | None) -> str | None:
        """Return the hash of a phone number in E.164 form, None for none."""
        return self._hash("phone", phone_e164) if phone_e164 else None

    def _hash(self, kind: str, text: str) -> str:
        return hmac.new(self._secret, f"erasure\x1f{kind}\x1f{text}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, kw_only=True)
class LedgerLine:
    """One erasure, as the ledger keeps it in the database and in its file."""

    key_id: str
    customer_hash: str
    email_hash: str
    phone_hash: str | None
    erased_at: datetime

    def dumps(self) -> str:
        """Return the line of the file, without its end."""
        return json.dumps({**asdict(self), "erased_at": self.erased_at.isoformat()})

    @classmethod
    def loads(cls, line: str) -> "LedgerLine | None":
        """Read a line of the file; None for one that was broken off, or is none of a ledger."""
        try:
            read = json.loads(line)
            found = cls(**{**read, "erased_at": datetime.fromisoformat(read["erased_at"])})
            hashes = [found.customer_hash, found.email_hash, found.phone_hash or found.email_hash]
            is_one = all(map(_HASH.fullmatch, hashes)) and found.erased_at.tzinfo is not None
            return found if is_one and _KEY_ID.fullmatch(found.key_id) else None
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
