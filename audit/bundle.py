"""An auditor's bundle read back and verified with the ledger's formats alone: no database, no gateway, no network.

A bundle is a ZIP file. `receipts.jsonl` holds one receipt a line (docs/formats/receipt.md), newest event first, all
under one checkpoint; `manifest.json` says what was asked for and what is in it; `README.txt` says how to check it.
"""

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ledger.entry import Json, canonical, parse_canonical
from ledger.errors import MalformedError, VerificationError
from ledger.policy import TrustPolicy
from ledger.receipt import Verified, verify_receipt

FORMAT = "lianqiao-trail-bundle@v1"
MANIFEST, RECEIPTS, CHECKPOINT, README = "manifest.json", "receipts.jsonl", "checkpoint", "README.txt"
MAX_LINE = 1 << 20
MAX_MANIFEST = 1 << 24
_WHAT = "trail bundle"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle is said to hold. Times in microseconds; `fields` None means that all fields are open.

    `unsealed` events matched but were not in the log yet; `faulty` ones (stream, sequence number, why) could not be
    proven, because their rows no longer are what was sealed.
    """

    origin: str
    made_at: int
    made_by: str
    wanted: dict[str, str | int]
    fields: tuple[str, ...] | None
    events: int
    unsealed: int
    faulty: tuple[tuple[str, int, str], ...]
    size: int
    receipts_sha256: str

    def encode(self) -> bytes:
        """The canonical JSON that stands in the bundle."""
        whole: dict[str, Json] = {"format": FORMAT, "origin": self.origin, "made_at": self.made_at}
        whole |= {"made_by": self.made_by, "wanted": dict(self.wanted), "events": self.events}
        whole |= {"unsealed": self.unsealed, "faulty": [list(f) for f in self.faulty], "size": self.size}
        whole["receipts_sha256"] = self.receipts_sha256
        if self.fields is not None:
            whole["fields"] = list(self.fields)
        return canonical(whole)


def parse_manifest(raw: bytes) -> Manifest:
    """The manifest whose canonical form is exactly these bytes; else `MalformedError`."""
    value = parse_canonical(raw)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise MalformedError(_WHAT, f"the manifest is not of the format {FORMAT}")
    match value:
        case {
            "origin": str(origin), "made_at": int(made_at), "made_by": str(made_by), "wanted": dict(wanted),
            "events": int(events), "unsealed": int(unsealed), "faulty": list(faulty), "size": int(size),
            "receipts_sha256": str(digest),
        }:  # fmt: skip
            fields = value.get("fields")
            manifest = Manifest(
                origin, made_at, made_by, {k: v for k, v in wanted.items() if isinstance(v, str | int)},
                None if fields is None else tuple(map(str, fields if isinstance(fields, list) else ())),
                events, unsealed, tuple(_fault(f) for f in faulty), size, digest,
            )  # fmt: skip
            if manifest.encode() == raw:
                return manifest
    raise MalformedError(_WHAT, "the manifest lacks a member, has one of the wrong type, or one too many")


def _fault(raw: Json) -> tuple[str, int, str]:
    match raw:
        case [str(stream), int(seq), str(why)]:
            return stream, seq, why
    raise MalformedError(_WHAT, "a fault is a stream, a number and a reason")


@dataclass(slots=True)
class BundleCheck:
    """What a verified bundle proves. `whole`: its events are the log's first `events` entries, none left out."""

    manifest: Manifest
    events: int = 0
    whole: bool = False
    first_at: int | None = None
    last_at: int | None = None


def read_bundle(file: BinaryIO, trust: TrustPolicy) -> Iterator[Verified]:
    """Every event of the bundle, each verified before it is yielded, in the order of the file.

    Raises `VerificationError` or `MalformedError`, with the line, at the first that does not hold: a bad receipt, a
    receipt under another checkpoint, a line too many or too few. Only when the iterator ends is the bundle verified.
    """
    with zipfile.ZipFile(file) as archive:
        manifest = read_manifest(archive)
        digest = hashlib.sha256()
        seen: set[int] = set()
        with archive.open(RECEIPTS) as lines:
            number = 0
            while line := lines.readline(MAX_LINE + 1):
                number += 1
                digest.update(line)
                yield _event(line, number, manifest, trust, seen)
        if number != manifest.events:
            raise VerificationError("number of receipts", manifest.events, number)
        if digest.hexdigest() != manifest.receipts_sha256:
            raise VerificationError("SHA-256 of the receipts", manifest.receipts_sha256, digest.hexdigest())


def _event(line: bytes, number: int, manifest: Manifest, trust: TrustPolicy, seen: set[int]) -> Verified:
    where = f"line {number}"
    if len(line) > MAX_LINE or not line.endswith(b"\n"):
        raise MalformedError(_WHAT, f"{where} is cut off, or longer than {MAX_LINE} bytes")
    try:
        proven = verify_receipt(line[:-1], trust)
    except VerificationError as error:
        raise VerificationError(f"{where}: {error.step}", error.expected, error.got) from error
    if (proven.origin, proven.size) != (manifest.origin, manifest.size):
        wanted = f"{manifest.origin} at {manifest.size}"
        raise VerificationError(f"{where}: checkpoint", wanted, f"{proven.origin} at {proven.size}")
    if proven.index in seen:
        raise VerificationError(f"{where}: entry {proven.index}", "once", "twice")
    seen.add(proven.index)
    return proven


def read_manifest(archive: zipfile.ZipFile) -> Manifest:
    """The manifest in an open bundle; `MalformedError` when there is none or it is no manifest."""
    try:
        with archive.open(MANIFEST) as file:
            raw = file.read(MAX_MANIFEST + 1)
    except KeyError as error:
        raise MalformedError(_WHAT, f"holds no {MANIFEST}") from error
    if len(raw) > MAX_MANIFEST:
        raise MalformedError(_WHAT, "the manifest is too long")
    return parse_manifest(raw)


def verify_bundle(file: BinaryIO, trust: TrustPolicy) -> BundleCheck:
    """True afterwards: the log recorded every event in the bundle, with exactly the fields that stand open.

    Whether the bundle leaves out events that match is a question of trust in its maker, except when it is `whole`:
    compare its size then with a checkpoint from another source. Raises as `read_bundle` does.
    """
    with zipfile.ZipFile(file) as archive:
        check = BundleCheck(read_manifest(archive))
    indices = set()
    for proven in read_bundle(file, trust):
        check.events += 1
        indices.add(proven.index)
        check.last_at = max(check.last_at or 0, proven.entry.at)
        check.first_at = min(check.first_at if check.first_at is not None else proven.entry.at, proven.entry.at)
    check.whole = indices == set(range(check.manifest.size))
    return check
