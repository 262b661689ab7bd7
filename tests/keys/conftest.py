import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.keys.file import ARGON2ID, PBKDF2_SM3, FileProvider
from gateway.keys.interface import KeyProvider
from gateway.keys.memory import InsecureMemoryProvider
from gateway.keys.suites import SM4_GCM
from tests.keys.transit import Transit

QUICK_ARGON2ID = {**ARGON2ID, "iterations": 2, "memory_kib": 19_456}
QUICK_SM3 = {**PBKDF2_SM3, "iterations": 100_000}
PASSPHRASE = "correct horse battery"
SOFTHSM = next(
    (path for path in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so") if Path(path).exists()),
    "",
)
_token_count = 0


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The module, with a token directory of its own. The module reads its configuration once a process."""
    if not SOFTHSM or not shutil.which("softhsm2-util"):
        pytest.skip("SoftHSM2 is not installed")
    home = tmp_path_factory.mktemp("softhsm")
    (home / "tokens").mkdir()
    (home / "softhsm2.conf").write_text(
        f"directories.tokendir = {home}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(home / "softhsm2.conf")
    pins = ["--so-pin", "so-pin-1", "--pin", "user-pin-1"]
    # A slot once seen by the loaded module stays; tokens made later are not. So all are made now.
    for number in range(24):
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", f"t{number}", *pins],
            check=True, capture_output=True,
        )  # fmt: skip
    return SOFTHSM


@pytest.fixture
def hsm_token(softhsm: str) -> str:
    global _token_count
    _token_count += 1
    return f"t{_token_count - 1}"


@pytest.fixture
def transit() -> Iterator[Transit]:
    server = Transit()
    yield server
    server.close()


@pytest.fixture
def hsm(softhsm: str, hsm_token: str) -> Iterator[KeyProvider]:
    from gateway.keys.pkcs11 import Pkcs11Provider

    provider = Pkcs11Provider(softhsm, hsm_token, "root", lambda: "user-pin-1")
    provider.create()
    yield provider
    provider.close()


@pytest.fixture(params=["insecure-memory", "file", "file-gm", "pkcs11", "vault"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> KeyProvider:
    kind = request.param
    if kind == "insecure-memory":
        return InsecureMemoryProvider()
    if kind == "file":
        return FileProvider.create(tmp_path / "root.key", lambda: PASSPHRASE, kdf=QUICK_ARGON2ID)
    if kind == "file-gm":
        return FileProvider.create(tmp_path / "root.key", lambda: PASSPHRASE, suite=SM4_GCM, kdf=QUICK_SM3)
    if kind == "pkcs11":
        found: KeyProvider = request.getfixturevalue("hsm")
        return found
    from gateway.keys.vault import VaultProvider

    vault = VaultProvider(request.getfixturevalue("transit").address, "transit", "root", lambda: "s.first")
    vault.create()
    return vault


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
