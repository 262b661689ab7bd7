"""Entries on the grants log: committed fields, tags by which the parties find them, and receipts."""

import secrets
from collections.abc import Iterable, Mapping

from gateway.domain.ids import random_id
from gateway.runtime import Gateway
from gateway.sealing.secret import open_secret, secret_key_id
from gateway.store import grants as store
from gateway.store import parties
from gateway.store.db import Tx
from ledger.entry import SECRET_BYTES, Entry, Json, Value, commit, party_tag
from ledger.receipt import Receipt


async def enter(
    gw: Gateway,
    tx: Tx,
    kind: str,
    fields: Mapping[str, Value],
    *,
    institutions: Iterable[str] = (),
    data: Mapping[str, Json] | None = None,
) -> str:
    """The entry is on the grants log with this transaction; returns its random id.

    The log holds only salted commitments to `fields` and a tag for each of `institutions`, which that party alone can
    recognise. `data` stands there openly: ids of earlier entries, hashes, versions; nothing of a person or a client.
    """
    entry_id = random_id()
    secret = secrets.token_bytes(SECRET_BYTES)
    keys = [await _tag_key(gw, tx, each) for each in sorted(set(institutions))]
    tags = tuple(sorted(party_tag(key, entry_id) for key in keys))
    leaf = Entry(kind, entry_id, tx.now, commit(fields, secret).digests, tags, data or {}).encode()
    await gw.grants_log.append(tx, kind, entry_id, leaf)
    await store.add_opening(tx, entry_id, secret, fields)
    return entry_id


async def receipt(gw: Gateway, tx: Tx, entry_id: str) -> Receipt:
    """The receipt of an entry, with every field open that the caller's side may see: all of those committed to.

    Only parties of the entry may be given it; they can show a part of it with `Receipt.showing`.
    """
    opened = await store.find_opening(tx, entry_id)
    openings = commit(opened.fields, opened.secret).openings if opened else ()
    return await gw.grants_log.receipt(tx, entry_id, openings=openings)


async def receipt_text(gw: Gateway, tx: Tx, entry_id: str) -> str:
    """The receipt as the text that is kept as a file."""
    return (await receipt(gw, tx, entry_id)).encode().decode()


async def _tag_key(gw: Gateway, tx: Tx, institution_id: str) -> bytes:
    sealed = await parties.get_tag_key(tx, institution_id)
    return open_secret(await gw.keyring.for_opening(tx, secret_key_id(sealed)), institution_id, sealed)
