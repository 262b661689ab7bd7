"""What an auditor takes away: the events that match, each as a receipt of its own, under one signed checkpoint."""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import Collection
from dataclasses import asdict
from typing import IO, BinaryIO

from audit.bundle import CHECKPOINT, MANIFEST, README, RECEIPTS, Manifest
from audit.entry import Row, event_of, leaf_of, openings_of
from audit.events import UnfitEvent
from audit.positions import positions
from audit.search import Wanted, matching
from audit.trail import Db
from ledger.checkpoint import SignedCheckpoint
from ledger.errors import LedgerError, VerificationError
from ledger.log import Log, Tx
from ledger.merkle import inclusion_ranges, leaf_hash
from ledger.proof import TlogProof
from ledger.receipt import Receipt
from ledger.tiles import WIDTH, Place, roots_in, tiles_for, widths_at

_PAGE = 200
_TILES = 256  # tiles kept in memory: two megabytes

_README = """审计取证包 / Trail bundle
=========================

本包由安全隔离共享网关导出,可离线核验,无需访问网关或数据库。
This bundle was exported by the gateway's trail. It can be verified offline, without the gateway or its database.

  receipts.jsonl   每行一张回执(JSON),证明一条审计事件已写入日志;新的在前
                   one receipt (JSON) a line, newest first: proof that an event was entered in the log
  checkpoint       全部回执所依据的签名检查点 / the signed checkpoint under which all receipts stand
  manifest.json    导出条件、条数、未入日志与无法证明的事件 / what was asked for, how many, what could not be proven

核验:每一行都是一张独立回执,可用 lianqiao verify 核验,或仅用 ledger 包(信任文件须经其他途径取得):
To verify: each line is a receipt of its own for `lianqiao verify`, or use the `ledger` package alone, with the trust
file that you got from the log's operator by another way:

  from ledger.policy import parse_policy
  from ledger.receipt import verify_receipt
  trust = parse_policy(open("trust.policy").read())
  for line in open("receipts.jsonl", "rb"):
      print(verify_receipt(line.rstrip(b"\\n"), trust).fields)

回执证明事件已被记录且未被改动;并不证明没有其他符合条件的事件。若要确认无遗漏,请索取不设条件的完整导出,
并将其大小与另行取得的检查点比对。
A receipt proves that the event was recorded and is unaltered. It does not prove that no other event matches: for that,
ask for an export without conditions and compare its size with a checkpoint that you got by another way.
"""


async def export_bundle(
    db: Db,
    log: Log,
    wanted: Wanted,
    out: BinaryIO,
    *,
    made_by: str,
    fields: Collection[str] | None = None,
) -> Manifest:
    """Write the bundle of all sealed events that match to `out`; returns its manifest.

    `fields` limits what stands open (names as in `Event.content`; None opens everything). Events that are not sealed
    yet are counted, and rows that no longer are what was sealed are named in the manifest: nothing is passed over in
    silence. Memory stays flat whatever the number of events; reads are short.
    """
    async with db.read() as tx:
        signed, made_at = await log.checkpoint(tx), tx.now
    work = _Export(db, log, signed, None if fields is None else frozenset(fields))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(RECEIPTS, "w", force_zip64=True) as lines:
            await work.run(wanted, lines)
        manifest = Manifest(
            origin=log.origin,
            made_at=made_at,
            made_by=made_by,
            wanted={key: value for key, value in asdict(wanted).items() if value not in ("", None)},
            fields=None if fields is None else tuple(sorted(fields)),
            events=work.events,
            unsealed=work.unsealed,
            faulty=tuple(work.faulty),
            size=signed.size,
            receipts_sha256=work.digest.hexdigest(),
        )
        archive.writestr(MANIFEST, manifest.encode())
        archive.writestr(CHECKPOINT, signed.note)
        archive.writestr(README, _README)
    return manifest


async def bundle_bytes(
    db: Db, log: Log, wanted: Wanted, *, made_by: str, fields: Collection[str] | None = None
) -> bytes:
    """`export_bundle` in memory, for answers of moderate size."""
    out = io.BytesIO()
    await export_bundle(db, log, wanted, out, made_by=made_by, fields=fields)
    return out.getvalue()


class _Export:
    def __init__(self, db: Db, log: Log, signed: SignedCheckpoint, fields: frozenset[str] | None) -> None:
        self.db = db
        self.log = log
        self.signed = signed
        self.fields = fields
        self.digest = hashlib.sha256()
        self.events = 0
        self.unsealed = 0
        self.faulty: list[tuple[str, int, str]] = []
        self._tiles: dict[Place, bytes] = {}

    async def run(self, wanted: Wanted, lines: IO[bytes]) -> None:
        after: str | None = None
        while True:
            async with self.db.read() as tx:
                rows, after = await matching(tx, wanted, after, _PAGE)
                indices = await positions(tx, [(row["stream_id"], row["seq"]) for row in rows])
                receipts = [await self._receipt(tx, row, indices.get((row["stream_id"], row["seq"]))) for row in rows]
            for receipt in receipts:
                if receipt is not None:
                    line = receipt.encode() + b"\n"
                    self.digest.update(line)
                    lines.write(line)
                    self.events += 1
            if after is None:
                return
            await asyncio.sleep(0)

    async def _receipt(self, tx: Tx, row: Row, index: int | None) -> Receipt | None:
        if index is None or index >= self.signed.size:
            self.unsealed += 1
            return None
        try:
            event = event_of(row)
            leaf = leaf_of(event, row["secret"])
            ranges = inclusion_ranges(index, self.signed.size)
            path = roots_in(await self._held(tx, tiles_for(ranges)), ranges)
            proof = TlogProof(index, tuple(path), self.signed)
            proof.check(leaf_hash(leaf))
        except (UnfitEvent, VerificationError, LedgerError, TypeError) as error:
            why = "altered" if isinstance(error, VerificationError) else type(error).__name__
            self.faulty.append((row["stream_id"], row["seq"], why))
            return None
        return Receipt(leaf, proof, openings_of(event, row["secret"], self.fields))

    async def _held(self, tx: Tx, places: Collection[Place]) -> dict[Place, bytes]:
        """These tiles as they were at the checkpoint's size; neighbours in the log share theirs."""
        if len(self._tiles) > _TILES:
            self._tiles = {place: tile for place, tile in self._tiles.items() if place[0] > 0}
        for level, number in places:
            if (level, number) not in self._tiles:
                full, partial = widths_at(self.signed.size, level)
                width = WIDTH if number < full else partial
                self._tiles[level, number] = await self.log.tile(tx, level, number, width)
        return self._tiles
