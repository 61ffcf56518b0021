"""Secrets as the store keeps them: never themselves, only digests; and what is drawn from them."""

from __future__ import annotations

import hashlib
import hmac

TOKEN_PREFIX = "syncd_"  # noqa: S105  what every token begins with, so that a leaked one is recognised
"""What every token begins with, so that one that leaks can be recognised."""

TOKEN_ID_LENGTH = 8

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 200
"""Longer ones would only make the machine work."""


def digest(secret: str) -> str:
    """What is kept of a random secret. It holds 256 bits of chance, so it needs neither salt nor slowness."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def token_id(token: str) -> str:
    """What a token is called once it is not shown any more."""
    return digest(token)[:TOKEN_ID_LENGTH]


def csrf_of(secret: str) -> str:
    """What a page of the browser that holds this cookie sends along; who does not know the cookie cannot make it."""
    return digest(f"csrf:{secret}")


def is_csrf(secret: str, given: str) -> bool:
    """Whether the page was made for this cookie."""
    return hmac.compare_digest(csrf_of(secret).encode(), given.encode("utf-8", "surrogatepass"))


def password_objection(password: str, name: str) -> str:
    """Why a password will not do; '' if it will. Length is what counts; no signs are asked for."""
    if len(password) < PASSWORD_LENGTH_MIN:
        return f"a password has at least {PASSWORD_LENGTH_MIN} characters; four words will do"
    if len(password) > PASSWORD_LENGTH_MAX:
        return f"a password has at most {PASSWORD_LENGTH_MAX} characters"
    if len(set(password)) < 5 or name.lower() in password.lower():
        return "that password is easily guessed: it holds the user's name, or hardly any different characters"
    return ""
