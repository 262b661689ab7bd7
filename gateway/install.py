"""From nothing to a gateway that can be opened: folder, keys, schema. Each step is skipped when its result is there."""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import Problem
from gateway.keys.file import FileProvider, passphrase_from
from gateway.keys.interface import KeyProvider
from gateway.keys.logkey import add_witness_key, create_log_keys, verifier_keys
from gateway.keys.registry import open_provider
from gateway.runtime import NOT_INITIALISED
from gateway.settings import Settings
from gateway.store import migrations


@dataclass(slots=True)
class Installed:
    """What was made now, in words for the terminal; empty when everything was there already."""

    made: list[str] = field(default_factory=list)
    verifier_keys: dict[str, str] = field(default_factory=dict)


def install(settings: Settings) -> Installed:
    """The home folder, the root key, the log keys and the schema exist. Nothing that exists is replaced.

    Raises `Problem(not-initialised)` when one of the keys is there without the other: that is a lost or half-restored
    installation, and new keys would fork its log or leave its records unreadable.
    """
    done = Installed()
    home = settings.home
    if not home.exists():
        home.mkdir(parents=True, mode=0o700)
        done.made.append(f"home {home}")
    provider = _root_key(settings, done)
    if not settings.log_key_path.exists():
        create_log_keys(provider, settings.log_key_path, (settings.origin, settings.trail_origin))
        done.made.append(f"log keys {settings.log_key_path.name}")
    add_witness_key(provider, settings.log_key_path, settings.witness)
    migrations.upgrade(settings.database_url)
    done.verifier_keys = verifier_keys(settings.log_key_path)
    _trust_file(settings, done)
    return done


def _root_key(settings: Settings, done: Installed) -> KeyProvider:
    if settings.key_provider:
        return open_provider(settings.key_provider, production=settings.mode == "production")
    root, passphrase = settings.home / "root.key", settings.home / "passphrase"
    if not root.exists():
        if settings.log_key_path.exists():
            raise Problem(
                NOT_INITIALISED,
                field="root.key",
                detail_zh="日志密钥存在而根密钥缺失,请从备份恢复 root.key",
                detail_en="the log keys are there but the root key is not: restore root.key from its backup",
            )
        if not passphrase.exists():
            _write_private(passphrase, secrets.token_urlsafe(32))
        FileProvider.create(root, passphrase_from(f"file:{passphrase.absolute()}"))
        done.made.append(f"root key {root.name}, passphrase {passphrase.name}")
    return open_provider(settings.key_provider_uri, production=settings.mode == "production")


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")


def _trust_file(settings: Settings, done: Installed) -> None:
    """`trust.policy`: what a partner needs to verify receipts offline (C2SP tlog-policy)."""
    path = settings.home / "trust.policy"
    lines = [f"log {vkey}" for vkey in done.verifier_keys.values()] + ["quorum none"]
    text = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        done.made.append(f"trust file {path.name}")


__all__ = ["Installed", "install"]
