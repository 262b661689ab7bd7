"""The root key in a file, sealed under a passphrase: for installations without a hardware module or a key service.

Whoever has the file and the passphrase has everything; backups of the file keep what `destroy`
removes. THREATS says so.
"""

import base64
import contextlib
import fcntl
import getpass
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from gateway.keys.interface import ProviderDenied, ProviderMisconfigured, ProviderUnavailable, ProviderWrongKey, probe
from gateway.keys.root import unwrap_under, wrap_under, wrapped_version
from gateway.keys.suites import DEFAULT_SUITE, NONCE_BYTES, SUITES_BY_NAME, Suite

FORMAT = "lianqiao-key-file@v1"
MIN_PASSPHRASE = 12  # characters; a passphrase generator gives more
_MAX_FILE = 1_000_000  # bytes; a key file has a few thousand
Passphrase = Callable[[], str]

# RFC 9106, 4 second recommendation (64 MiB, three passes), one lane: two threads deriving with several lanes deadlock.
ARGON2ID: dict[str, object] = {"name": "argon2id", "iterations": 3, "memory_kib": 65536}
PBKDF2_SM3: dict[str, object] = {"name": "pbkdf2-hmac-sm3", "iterations": 600_000}
# Bounds for what a file may ask of us, so that a forged one can neither be cheap to guess nor stop the machine.
_ARGON2_ITERATIONS, _ARGON2_MEMORY, _PBKDF2_ITERATIONS = (
    range(2, 65),
    range(19_456, 4_194_305),
    range(100_000, 10_000_001),
)


def passphrase_from(source: str) -> Passphrase:
    """`env:NAME`, `file:/path` or `prompt` as a callable that fetches the passphrase when it is needed.

    Never takes the passphrase itself, so that none stands in a process list or a settings dump. A passphrase file
    must be private to its owner. Raises `ProviderMisconfigured` for another kind of source.
    """
    kind, _, rest = source.partition(":")
    if kind == "env" and rest:
        return lambda: _from_environment(rest)
    if kind == "file" and rest:
        return lambda: read_private(Path(rest)).decode("utf-8").rstrip("\r\n")
    if source == "prompt":
        return _from_prompt
    raise ProviderMisconfigured("a passphrase comes from env:NAME, file:/path or prompt")


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ProviderDenied(f"the environment variable {name} holds no passphrase")
    return value


def _from_prompt() -> str:
    try:
        return getpass.getpass("密钥文件口令 / Passphrase of the key file: ")
    except (EOFError, OSError):
        raise ProviderDenied("there is no terminal to ask for the passphrase") from None


def read_private(path: Path) -> bytes:
    """The bytes of a file that only its owner may read.

    Another mode raises `ProviderMisconfigured`, absence `ProviderUnavailable`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ProviderUnavailable(f"{path.name} cannot be opened: {error.strerror}") from None
    try:
        # Asked of the open file, not of its name: nobody can swap it in between.
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) or mode & 0o077:
            raise ProviderMisconfigured(
                f"{path.name} must be a plain file with mode 0600, not {stat.S_IMODE(mode):04o}"
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(_MAX_FILE)
    finally:
        os.close(descriptor)


def write_private(path: Path, data: bytes, *, replace: bool) -> None:
    """`path` holds `data` durably, mode 0600, or is as it was.

    Without `replace` an existing file raises `ProviderMisconfigured`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            try:
                path.hardlink_to(temporary)
            except FileExistsError:
                raise ProviderMisconfigured(f"{path.name} exists already and is not overwritten") from None
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    finally:
        temporary.unlink(missing_ok=True)


def _derive(kdf: dict[str, object], salt: bytes, passphrase: str, suite: Suite) -> bytes:
    """The key that seals the file. Raises `ProviderMisconfigured` for parameters outside the bounds."""
    iterations, memory = kdf.get("iterations"), kdf.get("memory_kib", 0)
    secret = passphrase.encode("utf-8")
    if kdf.get("name") == "argon2id" and iterations in _ARGON2_ITERATIONS and memory in _ARGON2_MEMORY:
        assert isinstance(iterations, int)
        assert isinstance(memory, int)
        return Argon2id(salt=salt, length=suite.key_bytes, iterations=iterations, lanes=1, memory_cost=memory).derive(
            secret
        )
    if kdf.get("name") == "pbkdf2-hmac-sm3" and suite.gm and iterations in _PBKDF2_ITERATIONS:
        assert isinstance(iterations, int)
        return PBKDF2HMAC(suite.hash(), suite.key_bytes, salt, iterations).derive(secret)
    raise ProviderMisconfigured("the key file asks for a key derivation that is unknown, too weak or too costly")


def _sealed(roots: dict[int, bytes], passphrase: str, suite: Suite, kdf: dict[str, object]) -> bytes:
    """The bytes of a key file that holds `roots`; salt and nonce are new each time."""
    salt, nonce = os.urandom(16), os.urandom(NONCE_BYTES)
    head = {"format": FORMAT, "suite": suite.name, "kdf": {**kdf, "salt": base64.b64encode(salt).decode()}}
    inside = orjson.dumps({str(n): base64.b64encode(root).decode() for n, root in sorted(roots.items())})
    sealed = suite.seal(
        _derive(kdf, salt, passphrase, suite), nonce, inside, orjson.dumps(head, option=orjson.OPT_SORT_KEYS)
    )
    body = {**head, "nonce": base64.b64encode(nonce).decode(), "sealed": base64.b64encode(sealed).decode()}
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def _opened(data: bytes, passphrase: str) -> tuple[dict[int, bytes], Suite, dict[str, object]]:
    """Root keys, suite and derivation of a key file. Raises `ProviderMisconfigured` or `ProviderWrongKey`."""
    try:
        body = orjson.loads(data)
        if set(body) != {"format", "suite", "kdf", "nonce", "sealed"} or body["format"] != FORMAT:
            raise ValueError
        suite = SUITES_BY_NAME[body["suite"]]
        salt = base64.b64decode(body["kdf"]["salt"], validate=True)
        nonce = base64.b64decode(body["nonce"], validate=True)
        sealed = base64.b64decode(body["sealed"], validate=True)
        kdf = {name: value for name, value in body["kdf"].items() if name != "salt"}
        if len(nonce) != NONCE_BYTES or len(salt) != 16:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ProviderMisconfigured(f"this is not a key file of the format {FORMAT}") from None
    head = orjson.dumps({name: body[name] for name in ("format", "suite", "kdf")}, option=orjson.OPT_SORT_KEYS)
    try:
        inside = suite.open(_derive(kdf, salt, passphrase, suite), nonce, sealed, head)
    except InvalidTag:
        raise ProviderWrongKey("the passphrase does not open the key file, or the file was changed") from None
    return {int(n): base64.b64decode(root) for n, root in orjson.loads(inside).items()}, suite, kdf


class FileProvider:
    """Unlocks the key file at construction (about a quarter of a second) and wraps in this process from then on.

    Another process may rotate or destroy in the same file: a changed file is read again before the next use, and a file
    that was taken away stops this provider.
    """

    def __init__(self, path: Path, passphrase: Passphrase) -> None:
        self._path = path
        self._passphrase = passphrase
        self._lock = threading.Lock()
        self._load(passphrase())

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: Passphrase,
        suite: Suite = DEFAULT_SUITE,
        kdf: dict[str, object] | None = None,
    ) -> "FileProvider":
        """Write a new key file with root version 1 (mode 0600) and open it.

        Raises `ProviderMisconfigured` when the file exists or the passphrase has fewer than 12 characters.
        """
        secret = _long_enough(passphrase())
        roots = {1: os.urandom(suite.key_bytes)}
        chosen = kdf or (PBKDF2_SM3 if suite.gm else ARGON2ID)
        write_private(path, _sealed(roots, secret, suite, chosen), replace=False)
        # Opened from the very bytes on disk: a file that cannot be read back is found now, not after a restart.
        provider = cls(path, lambda: secret)
        provider._passphrase = passphrase
        return provider

    @property
    def name(self) -> str:
        return "file"

    def wrap(self, key: bytes, context: bytes) -> bytes:
        roots = self._fresh()
        newest = max(roots)
        return wrap_under(roots[newest], newest, self._suite, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return unwrap_under(self._fresh(), wrapped, context)

    def version_of(self, wrapped: bytes) -> int:
        return wrapped_version(wrapped)

    def versions(self) -> tuple[int, ...]:
        return tuple(sorted(self._fresh()))

    def rotate(self) -> int:
        with self._alone() as (roots, passphrase):
            newest = max(roots) + 1
            self._keep({**roots, newest: os.urandom(self._suite.key_bytes)}, passphrase)
            return newest

    def destroy(self, version: int) -> None:
        with self._alone() as (roots, passphrase):
            if version not in roots or version == max(roots):
                raise ProviderMisconfigured(f"root version {version} is the newest or unknown and cannot be destroyed")
            self._keep({number: root for number, root in roots.items() if number != version}, passphrase)

    def change_passphrase(self, new: Passphrase) -> None:
        """The file opens with the new passphrase only; root keys and everything wrapped stay as they are."""
        with self._alone() as (roots, _):
            self._keep(roots, _long_enough(new()))
            self._passphrase = new

    def check(self) -> None:
        read_private(self._path)  # a file made readable for others, or taken away, is found here
        probe(self)

    def _load(self, passphrase: str) -> None:
        seen = self._mark()
        self._roots, self._suite, self._kdf = _opened(read_private(self._path), passphrase)
        self._seen = seen

    def _mark(self) -> tuple[int, int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise ProviderUnavailable(f"{self._path.name} cannot be reached: {error.strerror}") from None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _fresh(self) -> dict[int, bytes]:
        if self._mark() != self._seen:
            with self._lock:
                self._load(self._passphrase())
        return self._roots

    @contextlib.contextmanager
    def _alone(self) -> Iterator[tuple[dict[int, bytes], str]]:
        """The file's present content, with every other thread and process kept from changing it meanwhile."""
        with self._lock:
            descriptor = os.open(
                self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                passphrase = self._passphrase()
                self._load(passphrase)
                yield self._roots, passphrase
            finally:
                os.close(descriptor)

    def _keep(self, roots: dict[int, bytes], passphrase: str) -> None:
        write_private(self._path, _sealed(roots, passphrase, self._suite, self._kdf), replace=True)
        self._roots, self._seen = roots, self._mark()


def _long_enough(passphrase: str) -> str:
    if len(passphrase) < MIN_PASSPHRASE:
        raise ProviderMisconfigured(f"the passphrase needs at least {MIN_PASSPHRASE} characters")
    return passphrase
