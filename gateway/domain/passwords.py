"""Passwords: which are good enough, and how they are kept.

Kept as argon2id with 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet); judged by length and by being
guessable, not by character classes (NIST SP 800-63B, 5.1.1.2).
"""

import re
import unicodedata

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from gateway.errors import Problem, declare

WEAK_PASSWORD = declare(
    "weak-password", "invalid",
    zh="密码不够安全", en="The password is too easy to guess",
    remedy_zh="请使用至少12个字符、与登录名和姓名无关、不含连续或重复字符串的密码;一句话即可",
    remedy_en="Use 12 characters or more, unrelated to login and name, without runs or repetitions; a sentence will do",
)  # fmt: skip

MIN_LENGTH = 12
MAX_LENGTH = 256
_MEMORY_KIB, _PASSES, _LANES = 19_456, 2, 1
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv",
)
_STEMS = (
    "password",
    "passw0rd",
    "p@ssw0rd",
    "letmein",
    "welcome",
    "administrator",
    "changeme",
    "iloveyou",
    "woaini",
    "mima",
    "lianqiao",
    "连桥",
    "密码",
)
# A hash that nothing matches, of 32 random bytes that were thrown away: an unknown login costs what a known one does.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$rXljfYsUDC2UseTXdt2Yrg$WCCs52+tTcDb5uxC6H5mn0yn8zFCUtse8VVwpSbShs4"


def _hasher() -> PasswordHasher:
    return PasswordHasher(_PASSES, _MEMORY_KIB, _LANES, hash_len=32, salt_len=16, type=Type.ID)


def normal(text: str) -> str:
    """The one spelling that is hashed: NFKC, so that a full-width keyboard does not lock anybody out."""
    return unicodedata.normalize("NFKC", text)


def check_password(text: str, *related: str) -> str:
    """The password in its hashed spelling. Raises `Problem(weak-password)` saying why; never repeats it.

    `related` are words that must not make it up: login, name, staff number.
    """
    password = normal(text)
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise _weak(f"长度应为{MIN_LENGTH}至{MAX_LENGTH}个字符", f"needs {MIN_LENGTH} to {MAX_LENGTH} characters")
    if any(unicodedata.category(char) in {"Cc", "Cs", "Cn"} for char in password):
        raise _weak("含有控制字符", "contains a control character")
    if len(set(password.casefold())) < 6:
        raise _weak("不同的字符太少", "uses too few different characters")
    left = _without_guessable(password.casefold(), related)
    if len(left) < 8:
        raise _weak("主要由登录名、姓名、常见词或连续字符组成", "is made of login, name, common words or runs")
    return password


def _without_guessable(password: str, related: tuple[str, ...]) -> str:
    """What is left when everything that is tried first is taken out."""
    words = [word for text in related for word in re.split(r"[^\w]+", normal(text).casefold()) if len(word) >= 3]
    for word in sorted([*words, *_STEMS], key=len, reverse=True):
        password = password.replace(word, "")
    for row in _ROWS:
        for line in (row, row[::-1]):
            for size in range(len(line), 3, -1):
                for begin in range(len(line) - size + 1):
                    password = password.replace(line[begin : begin + size], "")
    return re.sub(r"(.+?)\1{2,}", r"\1", password)


def _weak(zh: str, en: str) -> Problem:
    return Problem(WEAK_PASSWORD, field="password", detail_zh=zh, detail_en=en)


def hash_password(password: str) -> str:
    """The argon2id hash in PHC string form. Takes some 30 ms and 19 MiB: call it off the event loop."""
    return _hasher().hash(normal(password))


def verify_password(encoded: str, text: str) -> bool:
    """Whether `text` is the password. Takes as long for a wrong one; never raises. Call it off the event loop."""
    try:
        return _hasher().verify(encoded, normal(text[: MAX_LENGTH * 4]))
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


def outdated(encoded: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher().check_needs_rehash(encoded)
