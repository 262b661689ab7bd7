"""Whom a verifier trusts (C2SP tlog-policy): which keys speak for which logs, and how many witnesses must agree."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.checkpoint import SignedCheckpoint, open_checkpoint
from ledger.cosignature import CosignatureVerifier, MldsaVerifier, parse_verifier, seconds_of
from ledger.errors import MalformedError, VerificationError
from ledger.note import Verifier, decode_vkey, parse_note

NONE = "none"
_WHAT = "tlog-policy"


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log that is trusted, and where it is read, if anywhere."""

    verifier: Verifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """A witness under its name in this file, and where checkpoints are submitted to it, if anywhere."""

    name: str
    verifier: Verifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """At least `threshold` of `members`, which are witnesses or other groups."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's word under a checkpoint, verified: its name in the policy and its time, seconds since the epoch."""

    witness: str
    seconds: int


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Keys of logs, keys of witnesses, groups of them, and the group or witness whose agreement is needed."""

    logs: tuple[LogLine, ...]
    witnesses: Mapping[str, WitnessLine] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    def met_by(self, names: Collection[str], quorum: str | None = None) -> bool:
        """Whether these witnesses, by their names in the file, make up the quorum (or another group or witness)."""
        wanted = self.quorum if quorum is None else quorum
        if wanted == NONE:
            return True
        if wanted in self.witnesses:
            return wanted in names
        group = self.groups[wanted]
        return sum(self.met_by(names, member) for member in group.members) >= group.threshold

    def needed(self) -> str:
        """The quorum in words, for messages."""
        if self.quorum == NONE:
            return NONE
        group = self.groups.get(self.quorum)
        return f"{group.threshold} of {', '.join(group.members)}" if group else self.quorum

    def keys_of(self, origin: str) -> list[Verifier]:
        """The keys that may sign for this log."""
        return [line.verifier for line in self.logs if line.verifier.name == origin]

    def cosignatures(self, note: str | bytes) -> tuple[Cosignature, ...]:
        """The verified cosignatures of known witnesses, each once; a known witness's bad one is `VerificationError`."""
        parsed = parse_note(note)
        found: dict[str, Cosignature] = {}
        by_key = {(w.verifier.name, w.verifier.key_id): w for w in self.witnesses.values()}
        for signature in parsed.signatures:
            witness = by_key.get((signature.name, signature.key_id))
            if witness is None or witness.name in found:
                continue
            if not witness.verifier.verify(parsed.text, signature.payload):
                raise VerificationError(f"cosignature of {witness.name}", "valid", "invalid")
            found[witness.name] = Cosignature(witness.name, seconds_of(signature))
        return tuple(found.values())

    def open(self, note: str | bytes) -> tuple[SignedCheckpoint, tuple[Cosignature, ...]]:
        """A checkpoint of a trusted log with its quorum of witnesses; else `MalformedError` or `VerificationError`."""
        verifiers = [line.verifier for line in self.logs]
        signed = open_checkpoint(note, verifiers)
        cosignatures = self.cosignatures(note)
        if not self.met_by({c.witness for c in cosignatures}):
            got = ", ".join(c.witness for c in cosignatures) or NONE
            raise VerificationError("witness quorum", self.needed(), got)
        return signed, cosignatures

    def encode(self) -> str:
        """The policy file; parsing it gives the same policy."""
        lines = [f"log {w.verifier.vkey()}{_tail(w.url)}" for w in self.logs]
        lines += [f"witness {w.name} {w.verifier.vkey()}{_tail(w.url)}" for w in self.witnesses.values()]
        for group in self.groups.values():
            size = {1: "any", len(group.members): "all"}.get(group.threshold, str(group.threshold))
            lines.append(f"group {group.name} {size} {' '.join(group.members)}")
        return "\n".join([*lines, f"quorum {self.quorum}"]) + "\n"


def _tail(url: str | None) -> str:
    return f" {url}" if url else ""


class _Reader:
    """Collects the lines of one policy file, each checked against those before it."""

    def __init__(self) -> None:
        self.logs: list[LogLine] = []
        self.witnesses: dict[str, WitnessLine] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._publics: set[tuple[str, bytes]] = set()
        self._taken: set[str] = set()

    def line(self, words: Sequence[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self.logs.append(LogLine(self._verifier("log", vkey), url[0] if url else None))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._new(name)
                verifier = self._verifier("witness", vkey)
                if not isinstance(verifier, CosignatureVerifier | MldsaVerifier):
                    raise MalformedError(_WHAT, f"the key of witness {name} makes no cosignatures")
                self.witnesses[name] = WitnessLine(name, verifier, url[0] if url else None)
            case ["group", name, size, *members] if members:
                self._new(name)
                self.groups[name] = Group(name, self._threshold(size, len(members)), self._members(members))
            case ["quorum", name]:
                if self.quorum is not None:
                    raise MalformedError(_WHAT, "a second quorum line")
                if name != NONE and name not in self.witnesses and name not in self.groups:
                    raise MalformedError(_WHAT, f"quorum names the unknown {name}")
                self.quorum = name
            case _:
                raise MalformedError(_WHAT, f"cannot read the line beginning with {words[0][:20]!r}")

    def _new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise MalformedError(_WHAT, f"the name {name} is taken")

    def _verifier(self, role: str, vkey: str) -> Verifier:
        public = decode_vkey(vkey)[2]
        if (role, public) in self._publics:
            raise MalformedError(_WHAT, f"one public key in two {role} lines")
        self._publics.add((role, public))
        return parse_verifier(vkey)

    def _members(self, members: Sequence[str]) -> tuple[str, ...]:
        for name in members:
            if name not in self.witnesses and name not in self.groups:
                raise MalformedError(_WHAT, f"group member {name} is not named before")
            if name in self._taken:
                raise MalformedError(_WHAT, f"{name} is a member twice")
            self._taken.add(name)
        return tuple(members)

    @staticmethod
    def _threshold(word: str, members: int) -> int:
        if word in ("any", "all"):
            return 1 if word == "any" else members
        if not re.fullmatch("[1-9][0-9]{0,4}", word) or int(word) > members:
            raise MalformedError(_WHAT, f"a group of {members} cannot need {word[:8]}")
        return int(word)


def parse_policy(text: str | bytes) -> TrustPolicy:
    """The policy in a tlog-policy file; `MalformedError` names the first rule that a line breaks."""
    try:
        whole = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise MalformedError(_WHAT, "not UTF-8") from error
    reader = _Reader()
    for line in whole.split("\n"):
        # space and tab alone part words: any other white space is part of one, and so breaks it
        words = [word for word in re.split("[ \t]+", line) if word]
        if words and not words[0].startswith("#"):
            reader.line(words)
    if reader.quorum is None:
        raise MalformedError(_WHAT, "no quorum line")
    return TrustPolicy(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum)
