"""Blind indexes: finding a sealed value by a keyed, shortened digest of it, which many values share on purpose.

A token never proves a match: candidates are opened, under a decision, and compared. What a token leaks (equality within
a bucket) and how much is planned here and stated in THREATS.
"""

import hashlib
import hmac
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from gateway.sealing.errors import KeyUnusable
from gateway.sealing.groupkey import GroupKey

Kind = Literal["mobile", "phone", "email", "code", "text"]
KINDS: tuple[Kind, ...] = ("mobile", "phone", "email", "code", "text")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
MIN_POPULATION = 16


def normalise(kind: Kind, value: str) -> str | None:
    """The one spelling that a search and a record must agree on, or None for a value that is not of this kind.

    mobile: eleven digits without +86/0086; phone: digits; email: NFKC, lower case; code: NFKC, upper case, no blanks;
    text: NFKC, case folded, blanks collapsed.
    """
    flat = unicodedata.normalize("NFKC", value).strip()
    if kind in {"mobile", "phone"}:
        digits = re.sub(r"[^0-9]", "", flat)
        if kind == "phone":
            return digits or None
        for prefix in ("0086", "86"):
            if len(digits) == len(prefix) + 11 and digits.startswith(prefix):
                digits = digits[len(prefix) :]
        return digits if _MOBILE.fullmatch(digits) else None
    if kind == "email":
        local, _, domain = flat.lower().rpartition("@")
        return f"{local}@{domain}" if local and domain else None
    if kind == "code":
        return re.sub(r"\s+", "", flat).upper() or None
    return re.sub(r"\s+", " ", flat).casefold() or None


def blind_token(key: GroupKey, field: str, kind: Kind, value: str, bits: int) -> bytes | None:
    """The index token of `value`: one byte for the length, then `bits` bits of a keyed digest. None when not of `kind`.

    The compartment (by the key), the field, the kind and the length enter the digest: tokens of different fields, or of
    an index rebuilt with another length, cannot be compared. Raises `KeyUnusable` for a key that is not an index key.
    """
    if key.use != "index":
        raise KeyUnusable(f"key {key.key_id} is for use {key.use!r}, not for an index")
    if not 1 <= bits <= 128:
        raise ValueError("a blind index has between 1 and 128 bits")
    plain = normalise(kind, value)
    if plain is None:
        return None
    head = f"lianqiao blind index 1\x00{key.compartment}\x00{field}\x00{kind}\x00{bits}\x00"
    digest = key.suite.mac(key.secret, (head + plain).encode("utf-8"))
    size = (bits + 7) // 8
    token = bytearray(digest[:size])
    if bits % 8:
        token[-1] &= 0xFF << (8 - bits % 8) & 0xFF
    return bytes([bits]) + bytes(token)


def search_tokens(key: GroupKey, field: str, kind: Kind, value: str, lengths: frozenset[int]) -> list[bytes]:
    """Every token under which `value` may stand while an index is being rebuilt from one length to another."""
    tokens = (blind_token(key, field, kind, value, bits) for bits in sorted(lengths))
    return [token for token in tokens if token is not None]


def full_digest(key: GroupKey, domain: str, value: bytes) -> bytes:
    """A full-length keyed digest (32 bytes) for equality of whole rows, e.g. whether a row of an import is unchanged.

    Unlike a blind index this is unique per value; it is for values with much entropy of their own, such as whole rows.
    """
    if key.use != "index":
        raise KeyUnusable(f"key {key.key_id} is for use {key.use!r}, not for an index")
    return hmac.digest(key.secret, b"lianqiao row digest 1\x00" + _lp(domain) + value, hashlib.sha256)


def _lp(text: str) -> bytes:
    raw = text.encode("utf-8")
    return len(raw).to_bytes(2, "big") + raw


@dataclass(frozen=True, slots=True)
class Plan:
    """How long the tokens of one index are, what a search then opens, and why. 0 `bits`: there must be no index."""

    bits: int
    candidates: float
    reasoning: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        return self.bits > 0


def plan(population: int, *, distinct: int | None = None, largest_share: float | None = None) -> Plan:
    """Length for an index over `population` values, so that 2 <= candidates per search <= sqrt(population).

    `distinct` values and the share of the most frequent one (0..1), where known, rule out fields whose buckets would
    give the value away. Between the two bounds the length is chosen one bit above the shortest bucket of two: about
    four to eight candidates, and room for the population to halve.
    """
    said = [f"population: {population}"]
    if population < MIN_POPULATION:
        said.append(
            f"refused: below {MIN_POPULATION} values there is no length with 2 <= candidates <= sqrt(population)"
        )
        return Plan(0, 0.0, tuple(said))
    root = math.sqrt(population)
    if distinct is not None:
        said.append(f"distinct values: {distinct}")
        if distinct < root:
            said.append(f"refused: fewer distinct values than sqrt(population) = {root:.0f}; buckets would be values")
            return Plan(0, 0.0, tuple(said))
    if largest_share is not None:
        said.append(f"share of the most frequent value: {largest_share:.1%}")
        if largest_share * population > root:
            said.append(f"refused: the most frequent value alone fills more than sqrt(population) = {root:.0f} rows")
            return Plan(0, 0.0, tuple(said))
    # Fewer distinct values than rows fill fewer buckets: the length follows whatever is smaller.
    effective = min(population, distinct or population)
    longest = math.floor(math.log2(effective / 2))
    shortest = max(1, math.ceil(math.log2(effective / math.sqrt(effective))))
    bits = max(shortest, longest - 1)
    candidates = effective / 2**bits
    said.append(
        f"longest: {longest} bits, from then on buckets hold fewer than 2 values and a token is nearly the value"
    )
    said.append(f"shortest: {shortest} bits, below that a search opens more than sqrt(population) = {root:.0f} records")
    said.append(f"chosen: {bits} bits, about {candidates:.1f} candidates a search")
    return Plan(bits, candidates, tuple(said))
