"""How the console is served: the policy, what may be kept by caches, and how much has to be fetched."""

import gzip
import re
from pathlib import Path

import httpx2

ROUND_LIMIT = 600_000


def test_the_page_has_a_fresh_nonce_and_a_strict_policy(served: str) -> None:
    pages = [httpx2.get(f"{served}/console/grants/whatever") for _ in range(2)]
    nonces = [re.search(r"'nonce-([^']+)'", page.headers["content-security-policy"])[1] for page in pages]  # type: ignore[index]
    assert nonces[0] != nonces[1]
    policy = pages[0].headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert pages[0].headers["cache-control"] == "no-store"
    assert "__NONCE__" not in pages[0].text
    assert nonces[0] in pages[0].text


def test_files_are_packed_and_kept_for_ever_and_no_other_file_is_served(served: str, built: Path) -> None:
    name = next((built / "assets").glob("index-*.js")).name
    answer = httpx2.get(f"{served}/console/assets/{name}", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == (built / "assets" / name).read_bytes()
    plain = httpx2.get(f"{served}/console/assets/{name}", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    secret = (built / ".stamp").read_text()
    for wrong in ("nothing.js", ".stamp", "..%2F.stamp", "%2e%2e%2f.stamp", "..%5c.stamp"):
        denied = httpx2.get(f"{served}/console/assets/{wrong}")
        assert denied.status_code == 404 or "content-security-policy" in denied.headers, wrong
        assert secret not in denied.text


def test_the_first_load_is_below_600_kb(built: Path) -> None:
    """Whatever the start page pulls in: its own files, and those that these import before anything is shown."""
    assets = built / "assets"
    todo = set(re.findall(r"assets/([\w.-]+\.(?:js|css))", (built / "index.html").read_text()))
    todo |= {next(assets.glob("Home-*.js")).name}
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        for found in re.findall(r'(?:from|import)"\./([\w.-]+\.js)"', (assets / name).read_text("utf-8")):
            if found not in seen:
                todo.add(found)
    total = sum(len(gzip.compress((assets / name).read_bytes(), 9)) for name in seen)
    assert total < ROUND_LIMIT, total


def test_no_file_of_the_build_names_another_place_to_load_from(built: Path) -> None:
    html = (built / "index.html").read_text()
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html)
    assert "<script>" not in html
    assert " style=" not in html
