"""The hashes under which secrets, contacts and evidence are kept or told apart."""

import hashlib
import hmac


def sha256(text: str) -> str:
    """Return the SHA-256 of a text in hexadecimal.

    Our secrets have 256 random bits (passwords are kept by argon2): a slow hash would add nothing to them.
    """
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def keyed(secret: str, kind: str, value: str) -> str:
    """Return a hash that only who knows the secret can make; the same value of another kind has another."""
    return hmac.new(secret.encode(), f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()
