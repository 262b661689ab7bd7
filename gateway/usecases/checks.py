"""Everything recomputed: both logs, the grants against their entries, the sealed rows against their history."""

from typing import Any

from audit.verify import verify_trail
from gateway.runtime import Gateway
from gateway.store import checks as store
from gateway.usecases.trail import verifier_keys
from ledger.cosignature import parse_verifier
from ledger.fsck import check_log

__all__: list[str] = []


async def check_all(gw: Gateway) -> dict[str, Any]:
    """Both logs recomputed, each grant's entry found and the other way round; `first` names the first wrong entry.

    `sound` is true exactly when nothing was found. Reads only; may run beside the gateway.
    """
    keys = [parse_verifier(text) for text in verifier_keys(gw)]
    async with gw.db.read() as tx:
        grants = await check_log(tx, gw.grants_log, keys=[key for key in keys if key.name == gw.grants_log.origin])
        stray = [
            f"entry {each} says that a grant was made, and there is none" for each in await store.stray_entries(tx)
        ]
        behind = [f"record {each} is not at its newest generation" for each in await store.old_generations(tx)]
    trail = await verify_trail(gw.db, gw.trail.log, verifiers=[key for key in keys if key.name == gw.trail.origin])
    faults = [str(fault) for fault in grants.faults] + [str(fault) for fault in trail.faults] + stray + behind
    return {
        "sound": not faults,
        "grants_entries": grants.entries,
        "grants_root": grants.root.hex(),
        "trail_events": trail.events,
        "first": faults[0] if faults else "",
        "faults": faults[:20],
    }
