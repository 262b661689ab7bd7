"""The signing keys of the two logs, wrapped by the root key: a stolen file signs nothing."""

import base64
import json
import os
from pathlib import Path

from gateway.keys.file import write_private
from gateway.keys.interface import KeyProvider
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


def verifier_keys(path: Path) -> dict[str, str]:
    """The public verifier keys by origin; needs no root key."""
    return {origin: held["vkey"] for origin, held in json.loads(path.read_text())["keys"].items()}


def wrapped_log_keys(path: Path) -> list[bytes]:
    """The wrapped keys as they stand in the file, for asking which root version they need."""
    return [base64.b64decode(held["wrapped"], validate=True) for held in json.loads(path.read_text())["keys"].values()]


def rewrap_log_keys(provider: KeyProvider, path: Path) -> int:
    """Every key in the file is wrapped by the newest root version; returns how many. The file changes whole or not.

    Raises the provider's error when it cannot unwrap them, `ValueError` for another format.
    """
    signers = open_log_keys(provider, path)
    content = json.loads(path.read_text())
    for origin, signer in signers.items():
        wrapped = provider.wrap(signer.skey().encode(), _context(origin))
        content["keys"][origin]["wrapped"] = base64.b64encode(wrapped).decode()
    write_private(path, json.dumps(content, indent=2).encode(), replace=True)
    return len(signers)
