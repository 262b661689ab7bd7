"""A server in production mode: TLS, proxies, numbers, lines, signals, core dumps."""

import datetime
import ipaddress
import json
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client.parser import text_string_to_metric_families

from tests.operation.running import Server, environment, lianqiao, serving

CANARIES = ("canary-login-7731", "canary-password-7732", "13977317733", "canary-query-7734", "canary-agent-7735")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serving")
    assert lianqiao(folder, "init", "--json").code == 0
    return folder


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with serving(home, trusted_proxies="127.0.0.7") as running:
        yield running


def _from(address: str, server: Server) -> httpx2.Client:
    """A client whose connections come from this address of the loopback network."""
    return httpx2.Client(base_url=server.url, transport=httpx2.HTTPTransport(local_address=address))


def _guess(client: httpx2.Client, login: str, **headers: str) -> int:
    body = {"login": login, "password": CANARIES[1]}
    return client.post("/v1/session", json=body, headers={"user-agent": CANARIES[4], **headers}).status_code


def test_a_proxy_is_believed_only_if_trusted(server: Server, home: Path) -> None:
    with _from("127.0.0.7", server) as proxy, _from("127.0.0.8", server) as stranger:
        assert _guess(proxy, CANARIES[0], **{"x-forwarded-for": "203.0.113.9, 198.51.100.7"}) == 401
        assert _guess(stranger, CANARIES[0] + "-b", **{"x-forwarded-for": "203.0.113.10"}) == 401
    server.stop()
    import sqlite3

    with sqlite3.connect(home / "home" / "lianqiao.sqlite") as connection:
        rows = connection.execute(
            "SELECT source FROM trail_event WHERE action = 'sign-in:failed' ORDER BY at"
        ).fetchall()
    sources = [row[0] for row in rows]
    assert sources == ["198.51.100.7", "127.0.0.8"]


@pytest.fixture(scope="module")
def second(home: Path, server: Server) -> Iterator[Server]:
    """A server after the first one has left the file."""
    server.stop()
    with serving(home, trusted_proxies="127.0.0.7") as running:
        yield running


def test_serve_switches_core_dumps_off(second: Server) -> None:
    _limits_are_off(second)
    # not dumpable: the files of the process in /proc belong to root, whoever runs it
    assert Path(f"/proc/{second.process.pid}/environ").stat().st_uid == 0


def test_metrics_have_no_label_that_could_hold_a_value(second: Server) -> None:
    """And no log line holds one either, up to the last, when the server is asked to leave."""
    with httpx2.Client(base_url=second.url) as http, _from("127.0.0.7", second) as proxy:
        assert _guess(http, CANARIES[0]) in {401, 429}
        http.get("/v1/clients", params={"q": CANARIES[3]})
        http.get(f"/v1/clients/{CANARIES[2]}")
        http.post("/v1/records/x/disclose", content=b'{"purpose": "' + CANARIES[3].encode() + b'"')
        http.get(f"/nowhere/{CANARIES[3]}")
        text = http.get("/metrics").text
        _metrics_have_no_value(text)
        assert proxy.get("/metrics").status_code == 200
        assert http.get("/metrics", headers={"x-forwarded-for": "198.51.100.1"}).status_code == 404
        assert proxy.get("/metrics", headers={"x-forwarded-for": "198.51.100.1"}).status_code == 404
        _garbage(second)
        assert http.get("/health").json() == {"status": "alive"}
    assert second.stop(signal.SIGTERM) == 0
    _lines_hold_no_value(second)
    events = [line["event"] for line in second.lines]
    assert events.count("serving") == 1
    assert events[-1] == "stopped"


def _metrics_have_no_value(text: str) -> None:
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    assert set(labels) <= {"route", "status", "le"}
    assert all(re.fullmatch(r"[a-z_-]+", route) for route in labels["route"]), labels["route"]
    assert labels["status"] <= {str(status) for status in range(200, 600)}
    assert not [canary for canary in CANARIES if canary in text]


def _garbage(server: Server) -> None:
    """What is no HTTP makes a library speak."""
    import socket

    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(f"{CANARIES[3]} \x00\r\n\r\n".encode())
        raw.recv(1000)


def _lines_hold_no_value(server: Server) -> None:
    text = server.log.read_text()
    assert not [canary for canary in CANARIES if canary in text]
    lines = server.lines  # every line is one JSON object
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    assert any(
        line["event"] == "Invalid HTTP request received." and line["logger"] == "uvicorn.error" for line in lines
    )
    assert any(line.get("route") == "sign_in" and line["status"] in {401, 429} for line in lines)


def _limits_are_off(server: Server) -> None:
    limits = Path(f"/proc/{server.process.pid}/limits")
    if not limits.exists():
        pytest.skip("no /proc here: the limit of another process cannot be read")
    core = next(line for line in limits.read_text().splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


def test_log_lines_are_json_without_values() -> None:
    """Libraries log with arguments and errors: of these only the template, the kind and the places are written."""
    code = (
        "import logging\n"
        "from gateway.logging import configure_logging\n"
        "configure_logging('info', 'json')\n"
        "log = logging.getLogger('some.library')\n"
        "log.warning('cannot read %s', 'canary-argument')\n"
        "try:\n    raise ValueError('canary-error')\n"
        "except ValueError:\n    log.exception('failed\\nfuture: canary-second-line')\n"
        "import structlog\nstructlog.get_logger('x').info('hello', password='canary-password', id=7)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(Path("/nonexistent")), capture_output=True, text=True, check=True
    )
    assert "canary" not in done.stderr
    first, failure, own = (json.loads(line) for line in done.stderr.splitlines())
    assert first["event"] == "cannot read %s"
    assert failure["error"] == "ValueError"
    assert failure["places"] == ["<string>:7"]
    assert own["password"] == "(withheld)"
    assert own["id"] == 7


def test_sigterm_drains(home: Path, server: Server) -> None:
    """A request that is under way when the signal comes is answered, and the server takes no other."""
    server.stop()
    with serving(home) as running:
        started, answers = threading.Event(), []

        def slow() -> Iterator[bytes]:
            yield b'{"login": "nobody", '
            started.set()
            time.sleep(1.5)
            yield b'"password": "not the right one"}'

        def ask() -> None:
            with httpx2.Client(base_url=running.url, timeout=20) as http:
                sent = http.post("/v1/session", content=slow(), headers={"content-type": "application/json"})
                answers.append(sent.status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        assert started.wait(10)
        time.sleep(0.3)
        assert running.stop(signal.SIGTERM) == 0
        asking.join(10)
        assert answers == [401]
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"{running.url}/health", timeout=2)
    assert lianqiao(home, "fsck", "--json").json["sound"] is True


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "tls.pem", folder / "tls.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


def test_it_speaks_tls_itself(tmp_path: Path) -> None:
    token = lianqiao(tmp_path, "init", "--json").json["one_time_token"]
    certificate, private = _certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with serving(tmp_path, verify=trusting, tls_certificate=str(certificate), tls_key=str(private)) as running:
        with httpx2.Client(base_url=running.url, verify=trusting) as http:
            password = "a long first sentence to sign in with"
            http.post("/v1/password", json={"one_time_token": token, "password": password}).raise_for_status()
            signed = http.post("/v1/session", json={"login": "admin", "password": password})
            assert signed.status_code == 200
            cookie = signed.headers["set-cookie"].lower()
            assert cookie.startswith("__host-lianqiao=")
            assert "secure" in cookie
            assert "max-age=" in signed.headers["strict-transport-security"]
        with pytest.raises(httpx2.TransportError):  # an unknown certificate is not accepted
            httpx2.get(f"{running.url}/health", verify=True)
        with pytest.raises(httpx2.TransportError):  # and there is no clear-text answer
            httpx2.get(running.url.replace("https:", "http:") + "/health")
