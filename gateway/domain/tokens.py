"""Tokens: 256 random bits shown once, of which only the SHA-256 is kept."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["session", "api_key", "access", "one_time", "flow"]
_PREFIX: dict[Kind, str] = {"session": "lqs_", "api_key": "lqk_", "access": "lqa_", "one_time": "lqo_", "flow": "lqf_"}
_LENGTH = 4 + 43  # prefix and base64url of 32 bytes
HINT_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token: `text` for its holder alone, `digest` for the database. No slow hash: nothing can be guessed."""

    text: str = field(repr=False)
    digest: bytes = field(repr=False)

    @property
    def hint(self) -> str:
        """How it begins: enough to tell two apart in a list, far too little to use."""
        return self.text[:HINT_LENGTH]


def mint(kind: Kind) -> Minted:
    """A token nobody has seen. Its prefix says what it is, so that scanners find leaked ones."""
    text = _PREFIX[kind] + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    return Minted(text, digest_of(text))


def digest_of(text: str) -> bytes:
    """What the database knows a token by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def looks_like(text: str, *kinds: Kind) -> bool:
    """Whether `text` has the form of one of these tokens: keeps nonsense away from the database."""
    return len(text) == _LENGTH and text.isascii() and text.startswith(tuple(_PREFIX[kind] for kind in kinds))


def csrf_of(session_token: str) -> str:
    """The value that pages of this session send along on writes. Follows from the session, tells nothing about it."""
    mac = hmac.digest(session_token.encode(), b"lianqiao csrf 1", "sha256")
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
