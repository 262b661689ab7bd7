"""A group key in hand: the key of one owner's compartment, unwrapped, with its cipher ready."""

from dataclasses import dataclass, field
from typing import Literal

from gateway.keys.suites import SUITES_BY_NAME, Aead, Suite

Use = Literal["seal", "index", "token"]
WRAP_MAGIC, WRAP_FORMAT = b"LD", 1


@dataclass(frozen=True, slots=True)
class GroupKey:
    """One version of the key of (owner, compartment), named `<lineage>.<version>`; its bytes never show in a repr."""

    key_id: str
    lineage: str
    version: int
    suite: Suite
    owner: str
    compartment: str
    use: Use
    secret: bytes = field(repr=False)
    aead: Aead = field(repr=False, compare=False)
    # The same in every header and wrapped data key of this version, so computed once (docs/formats/wrapped-key.md).
    raw_lineage: bytes = field(repr=False, compare=False)
    wrap_head: bytes = field(repr=False, compare=False)
    wrap_start: bytes = field(repr=False, compare=False)

    @classmethod
    def of(
        cls, *, lineage: str, version: int, suite: str, owner: str, compartment: str, use: Use, secret: bytes
    ) -> "GroupKey":
        """The key with its cipher set. Raises `ValueError` when the secret does not fit the suite."""
        chosen = SUITES_BY_NAME[suite]
        raw_lineage = bytes.fromhex(lineage)
        wrap_head = WRAP_MAGIC + bytes([WRAP_FORMAT, chosen.id]) + version.to_bytes(4, "big")
        return cls(
            key_id=key_id_of(lineage, version),
            lineage=lineage,
            version=version,
            suite=chosen,
            owner=owner,
            compartment=compartment,
            use=use,
            secret=secret,
            aead=chosen.aead(secret),
            raw_lineage=raw_lineage,
            wrap_head=wrap_head,
            wrap_start=b"lianqiao data key 1\x00" + wrap_head + raw_lineage,
        )

    def context(self) -> bytes:
        """What the provider binds the wrapped group key to."""
        return wrap_context(self.lineage, self.version, self.suite.name, self.owner, self.compartment, self.use)


def key_id_of(lineage: str, version: int) -> str:
    """`<lineage>.<version>`: the name of one version of a key."""
    return f"{lineage}.{version}"


def wrap_context(lineage: str, version: int, suite: str, owner: str, compartment: str, use: str) -> bytes:
    """The context of a wrapped group key: every fact of its row, so that no row can be passed off as another."""
    parts = (lineage, str(version), suite, owner, compartment, use)
    return b"lianqiao group key 1\x00" + b"".join(
        len(raw).to_bytes(2, "big") + raw for raw in (part.encode("utf-8") for part in parts)
    )
