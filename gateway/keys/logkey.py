"""The signing keys of the two logs, wrapped by the root key: a stolen file signs nothing."""

import base64
import json
import os
from pathlib import Path

from gateway.keys.file import write_private
from gateway.keys.interface import KeyProvider
from ledger.cosignature import Cosigner
from ledger.note import Ed25519Signer

_FORMAT = "lianqiao-log-keys@v1"


def _context(origin: str) -> bytes:
    return b"lianqiao log key 1\x00" + origin.encode()


def create_log_keys(provider: KeyProvider, path: Path, origins: tuple[str, ...]) -> dict[str, str]:
    """New Ed25519 keys, one an origin, stand in `path` (mode 600), wrapped; returns the verifier keys by origin.

    Raises `FileExistsError` when there is a file already: a log never loses its key by accident.
    """
    signers = {origin: Ed25519Signer(origin, os.urandom(32)) for origin in origins}
    content = {
        "format": _FORMAT,
        "keys": {
            origin: {
                "vkey": signer.vkey(),
                "wrapped": base64.b64encode(provider.wrap(signer.skey().encode(), _context(origin))).decode(),
            }
            for origin, signer in signers.items()
        },
    }
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    return {origin: signer.vkey() for origin, signer in signers.items()}


def open_log_keys(provider: KeyProvider, path: Path) -> dict[str, Ed25519Signer]:
    """The signers by origin. Raises the provider's error when they do not unwrap, `ValueError` for another format."""
    content = json.loads(path.read_text())
    if content.get("format") != _FORMAT:
        raise ValueError(f"{path.name} is not a file of log keys")
    return {
        origin: Ed25519Signer.from_skey(
            provider.unwrap(base64.b64decode(held["wrapped"], validate=True), _context(origin)).decode()
        )
        for origin, held in content["keys"].items()
    }


def add_witness_key(provider: KeyProvider, path: Path, name: str) -> str:
    """A key to witness others' logs with stands in the file of the log keys, wrapped; returns its verifier key.

    One that is there is kept, whatever its name: partners trust that name. A key of its own, never one of a log's.
    """
    content = json.loads(path.read_text())
    if "witness" not in content:
        seed = os.urandom(32)
        wrapped = provider.wrap(seed, _witness_context(name))
        content["witness"] = {
            "name": name,
            "vkey": Cosigner(name, seed).vkey(),
            "wrapped": base64.b64encode(wrapped).decode(),
        }
        write_private(path, json.dumps(content, indent=2).encode(), replace=True)
    return str(content["witness"]["vkey"])


def open_witness_key(provider: KeyProvider, path: Path) -> Cosigner | None:
    """The witness's signer, None when the file holds none. Raises the provider's error when it does not unwrap."""
    held = json.loads(path.read_text()).get("witness")
    if held is None:
        return None
    wrapped = base64.b64decode(held["wrapped"], validate=True)
    return Cosigner(held["name"], provider.unwrap(wrapped, _witness_context(held["name"])))


def _witness_context(name: str) -> bytes:
    return b"lianqiao witness key 1\x00" + name.encode()


def verifier_keys(path: Path) -> dict[str, str]:
    """The public verifier keys by origin; needs no root key."""
    return {origin: held["vkey"] for origin, held in json.loads(path.read_text())["keys"].items()}


def wrapped_log_keys(path: Path) -> list[bytes]:
    """The wrapped keys as they stand in the file, for asking which root version they need."""
    content = json.loads(path.read_text())
    held = [*content["keys"].values(), *([content["witness"]] if "witness" in content else [])]
    return [base64.b64decode(each["wrapped"], validate=True) for each in held]


def rewrap_log_keys(provider: KeyProvider, path: Path) -> int:
    """Every key in the file is wrapped by the newest root version; returns how many. The file changes whole or not.

    Raises the provider's error when it cannot unwrap them, `ValueError` for another format.
    """
    signers = open_log_keys(provider, path)
    content = json.loads(path.read_text())
    for origin, signer in signers.items():
        wrapped = provider.wrap(signer.skey().encode(), _context(origin))
        content["keys"][origin]["wrapped"] = base64.b64encode(wrapped).decode()
    if held := content.get("witness"):
        context = _witness_context(held["name"])
        seed = provider.unwrap(base64.b64decode(held["wrapped"], validate=True), context)
        held["wrapped"] = base64.b64encode(provider.wrap(seed, context)).decode()
    write_private(path, json.dumps(content, indent=2).encode(), replace=True)
    return len(signers) + ("witness" in content)
