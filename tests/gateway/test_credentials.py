"""The pure half of sign-in: passwords, tokens, delays, assertions, what is believed of an OpenID provider."""

import base64
import hashlib
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from gateway.domain import assertion, oidc
from gateway.domain.passwords import NOBODY, check_password, hash_password, outdated, verify_password
from gateway.domain.throttle import SECOND, Attempts, Buckets, counted, excused, wait
from gateway.domain.tokens import csrf_of, digest_of, looks_like, mint
from gateway.errors import Problem

NOW = 1_772_672_400_000_000
AUDIENCES = frozenset({"https://gw.example", "https://gw.example/v1/token"})
KEY = ECKey.generate_key("P-256")


# ---- passwords


@pytest.mark.parametrize(
    "text",
    [
        "short-one-9",
        "x" * 257,
        "aaaaaaaaaaaaaaa",
        "abababababababab",
        "abcdefghijklmnop",
        "qwertyuiop123456",
        "9876543210987654",
        "lin.zhixia2026!",
        "Password123456",
        "P@ssw0rd12345",
        "lianqiao123456",
        "good enough \x00 but not",
        "林知夏林知夏林知夏林知夏",
    ],
)
def test_guessable_passwords_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Problem) as caught:
        check_password(text, "lin.zhixia", "林知夏")
    assert caught.value.code.name == "weak-password"
    assert text not in str(caught.value)


@pytest.mark.parametrize("text", ["correct horse battery staple", "远山含黛,细雨斜风不须归去也", "t7#Kq9vLm2$xWz"])
def test_a_sentence_or_a_random_text_is_a_password(text: str) -> None:
    assert check_password(text, "lin.zhixia", "林知夏") == text


def test_passwords_are_kept_as_argon2id_of_the_cheat_sheets_parameters() -> None:
    kept = hash_password("correct horse battery staple")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify_password(kept, "correct horse battery staple")
    assert verify_password(kept, "ｃorrect horse battery staple")  # a full-width c is the same key
    assert not verify_password(kept, "correct horse battery stapler")
    assert not verify_password("not a hash", "x")
    assert not outdated(kept)
    assert outdated(kept.replace("t=2", "t=1"))
    assert not outdated(NOBODY)  # or the effort for nobody would differ


# ---- tokens


def test_tokens_are_random_prefixed_and_recognised() -> None:
    one, two = mint("api_key"), mint("api_key")
    assert one.text != two.text
    assert len(base64.urlsafe_b64decode(one.text[4:] + "=")) == 32
    assert one.digest == digest_of(one.text)
    assert one.text not in repr(one)
    assert looks_like(one.text, "api_key", "access")
    for wrong in ("", one.text[:-1], one.text + "A", "lqs_" + one.text[4:], "林" * 47):
        assert not looks_like(wrong, "api_key", "access")
    assert csrf_of(one.text) != csrf_of(two.text)
    assert one.text[4:] not in csrf_of(one.text)


# ---- how often is too often


def test_failures_are_free_first_and_then_cost_twice_as_long_each_time() -> None:
    attempts, delays = Attempts(), []
    now = NOW
    for _ in range(14):
        attempts = counted(attempts, 5, now)
        delays.append(wait(attempts, now))
        now += delays[-1] * SECOND
    assert delays == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900, 900, 900]
    assert wait(attempts, now) == 0
    assert excused(attempts).failures == 13
    assert counted(attempts, 5, now + 2 * 3600 * SECOND).failures == 1


@given(st.lists(st.integers(min_value=-5, max_value=40), min_size=1, max_size=200))
def test_a_bucket_never_lets_more_through_than_burst_and_rate(steps: list[int]) -> None:
    buckets, now, begin, allowed = Buckets(60, burst=10), NOW, NOW, 0
    latest = now
    for step in steps:
        now += step * SECOND // 10
        latest = max(latest, now)
        allowed += buckets.take("a", now) == 0
    # a clock that is set back may give time twice, but never more than it went forward
    forward = sum(step for step in steps if step > 0) / 10
    assert allowed <= 10 + forward + 1
    assert begin <= latest


def test_a_bucket_says_how_long_to_wait_and_keeps_callers_apart() -> None:
    buckets = Buckets(60, burst=2, most=3)
    assert [buckets.take("a", NOW) for _ in range(3)] == [0, 0, 1]
    assert buckets.take("b", NOW) == 0
    assert buckets.take("a", NOW + SECOND) == 0
    for key in "cdef":
        buckets.take(key, NOW)
    assert len(buckets._kept) == 3


# ---- private_key_jwt


def signed(claims: dict[str, Any], key: Any = KEY, algorithm: str = "ES256", **header: Any) -> str:
    return jws.serialize_compact({"alg": algorithm, **header}, orjson.dumps(claims), key, algorithms=[algorithm])


def claims_with(**changes: Any) -> dict[str, Any]:
    now = NOW // SECOND
    base = {"iss": "svc", "sub": "svc", "aud": "https://gw.example", "iat": now, "exp": now + 60, "jti": "jti-00000001"}
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def checked(text: str, key: Any = KEY) -> assertion.Checked:
    kept = assertion.public_key(key.as_dict(private=False))
    return assertion.check(assertion.read(text), [kept], AUDIENCES, NOW)


def test_an_assertion_holds_and_is_named_by_issuer_and_jti() -> None:
    one = checked(signed(claims_with()))
    assert one.issuer == "svc"
    assert one.expires_at > NOW + 60 * SECOND
    assert checked(signed(claims_with(aud=["https://gw.example/v1/token"]))).use == one.use
    assert checked(signed(claims_with(jti="jti-00000002"))).use != one.use


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"aud": "https://other.example"}, "aud"),
        ({"aud": ["https://gw.example", "https://other.example"]}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": None}, "exp"),
        ({"exp": NOW // SECOND - 31}, "exp"),
        ({"exp": NOW // SECOND + 91}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"exp": True}, "exp"),
        ({"nbf": NOW // SECOND + 31}, "nbf"),
        ({"iat": NOW // SECOND + 31}, "iat"),
        ({"jti": None}, "jti"),
        ({"jti": "short"}, "jti"),
        ({"jti": "x" * 201}, "jti"),
        ({"iss": "other"}, "iss"),
        ({"sub": None}, "iss"),
        ({"iss": "svc\0", "sub": "svc\0"}, "iss"),
    ],
)
def test_each_claim_of_an_assertion_is_checked(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(Problem) as caught:
        checked(signed(claims_with(**changes)))
    assert caught.value.code.name == "assertion-refused"
    assert says in caught.value.detail_en


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # old names, weak keys
def test_only_the_registered_key_and_its_algorithm_sign() -> None:
    other = ECKey.generate_key("P-256")
    for text in (
        signed(claims_with(), other),
        signed(claims_with(), OctKey.import_key(KEY.as_dict(private=False)["x"]), "HS256"),
        base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
        + "."
        + signed(claims_with()).split(".")[1]
        + ".",
        signed(claims_with())[:-4] + "AAAA",
        "",
        "a.b",
        "x" * 9000,
    ):
        with pytest.raises(Problem) as caught:
            checked(text)
        assert caught.value.code.name == "assertion-refused"
    for key, algorithm in ((OKPKey.generate_key("Ed25519"), "EdDSA"), (RSAKey.generate_key(2048), "PS256")):
        assert checked(signed(claims_with(), key, algorithm), key).issuer == "svc"


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # old names, weak keys
def test_private_weak_and_symmetric_keys_are_not_registered() -> None:
    with pytest.raises(Problem, match="leaked"):
        assertion.public_key(KEY.as_dict(private=True))
    for jwk in (
        RSAKey.generate_key(1024).as_dict(private=False),
        {"kty": "oct", "k": "AAAA"},
        ECKey.generate_key("P-521").as_dict(private=False),
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC"},
        {},
    ):
        with pytest.raises(Problem) as caught:
            assertion.public_key(jwk)
        assert caught.value.code.name == "client-key-refused"


# ---- OpenID Connect

PROVIDER = oidc.Provider(
    "https://idp.example", "https://idp.example/a", "https://idp.example/t", "https://idp.example/k", False
)
SIGNER = RSAKey.generate_key(2048, {"kid": "one"})
KEYS = KeySet([SIGNER])


def id_token(key: Any = SIGNER, algorithm: str = "RS256", **changes: Any) -> str:
    now = NOW // SECOND
    base = {"iss": PROVIDER.issuer, "sub": "s-1", "aud": "gw", "iat": now, "exp": now + 300, "nonce": "n-1"}
    claims = {name: value for name, value in {**base, **changes}.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": "one"}, claims, key, algorithms=[algorithm])


def believed(text: object) -> oidc.Identity:
    return oidc.check_id_token(text, KEYS, PROVIDER, "gw", "n-1", NOW)


def test_a_right_id_token_names_issuer_and_subject() -> None:
    found = believed(id_token())
    assert (found.issuer, found.subject) == ("https://idp.example", "s-1")
    assert believed(id_token(aud=["gw", "other"], azp="gw")).subject == "s-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"aud": ["gw", "other"]},
        {"aud": ["gw", "other"], "azp": "other"},
        {"azp": "other"},
        {"exp": NOW // SECOND - 61},
        {"exp": None},
        {"iat": NOW // SECOND + 61},
        {"iat": NOW // SECOND - 661},
        {"iat": None},
        {"nonce": "n-2"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "s\0"},
    ],
)
def test_each_claim_of_an_id_token_is_checked(changes: dict[str, Any]) -> None:
    with pytest.raises(Problem) as caught:
        believed(id_token(**changes))
    assert caught.value.code.name == "oidc-sign-in-failed"


def test_an_id_token_signed_by_anybody_else_is_not_believed() -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    public = OctKey.import_key(SIGNER.as_dict(private=False)["n"])
    for text in (id_token(stranger), id_token(public, "HS256"), None, "", "a.b.c", id_token()[:-6] + "AAAAAA"):
        with pytest.raises(Problem) as caught:
            believed(text)
        assert caught.value.code.name == "oidc-sign-in-failed"


def test_only_the_providers_own_safe_addresses_are_used() -> None:
    document = {"issuer": PROVIDER.issuer, "authorization_endpoint": "https://idp.example/a",
                "token_endpoint": "https://idp.example/t", "jwks_uri": "https://idp.example/k"}  # fmt: skip
    assert oidc.provider_of(document, PROVIDER.issuer) == PROVIDER
    for broken in (
        {**document, "issuer": "https://evil.example"},
        {**document, "token_endpoint": "http://idp.example/t"},
        {**document, "jwks_uri": "file:///etc/passwd"},
        {name: value for name, value in document.items() if name != "jwks_uri"},
        None,
        [],
    ):
        with pytest.raises(Problem) as caught:
            oidc.provider_of(broken, PROVIDER.issuer)
        assert caught.value.code.name == "oidc-provider-unavailable"
    assert oidc.check_address("http://127.0.0.1:9/x")


def test_what_goes_through_the_browser_gives_neither_verifier_nor_binding_away() -> None:
    flow = oidc.new_flow()
    url = oidc.authorization_url(PROVIDER, flow, "gw", "https://gw.example/v1/oidc/callback")
    digest = hashlib.sha256(flow.verifier.encode()).digest()
    query = parse_qs(urlsplit(url).query)
    assert query["code_challenge"] == [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()]
    assert (query["state"], query["nonce"]) == ([flow.state.text], [flow.nonce])
    assert flow.verifier not in url
    assert flow.binding.text not in url
    assert flow.verifier not in repr(flow)


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "/a\\b", "", "x", "/a\nb", "/" + "x" * 300]
)
def test_nobody_is_sent_to_another_site(path: str) -> None:
    assert oidc.safe_return(path) == "/console/"


def test_a_path_of_ours_is_kept() -> None:
    assert oidc.safe_return("/console/requests?state=open") == "/console/requests?state=open"


def test_unknown_login_costs_what_a_known_one_costs(capsys: pytest.CaptureFixture[str]) -> None:
    kept = hash_password("correct horse battery staple")

    def median(encoded: str) -> float:
        times = []
        for _ in range(9):
            begin = time.perf_counter()
            verify_password(encoded, "wrong password here")
            times.append(time.perf_counter() - begin)
        return sorted(times)[4] * 1000

    known, unknown = median(kept), median(NOBODY)
    with capsys.disabled():
        print(f"\nwrong password: known login {known:.1f} ms, unknown login {unknown:.1f} ms")
