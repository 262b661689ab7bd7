"""A stand-in for the transit secrets engine over HTTP: same paths, same JSON, same status codes, real AES-256-GCM.

It can be told to be down, slow, sealed or to deny, as a server would be.
"""

import base64
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Transit:
    def __init__(self, mount: str = "transit") -> None:
        self.mount = mount
        self.keys: dict[str, dict[str, Any]] = {}
        self.tokens = {"s.first"}
        self.mode = "up"
        self.seen: list[tuple[str, str, dict[str, Any]]] = []
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None: ...

            def _go(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                status, answer = outer.answer(self.command, self.path, self.headers.get("X-Vault-Token"), body)
                data = json.dumps(answer).encode() if answer is not None else b""
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = _go

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method: str, path: str, token: str | None, body: dict[str, Any]) -> tuple[int, Any]:
        if self.mode == "slow":
            time.sleep(1.5)
        if self.mode == "sealed":
            return 503, {"errors": ["Vault is sealed"]}
        if self.mode == "nonsense":
            return 200, {"data": {"ciphertext": "not vault", "plaintext": "%%%"}}
        if token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        with self.lock:
            self.seen.append((method, path, body))
            parts = path.strip("/").split("/")
            if parts[:2] != ["v1", self.mount]:
                return 404, {"errors": ["no handler for route"]}
            return self._verb(method, parts[2:], body)

    def _verb(self, method: str, parts: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        if parts[0] == "keys":
            return self._key(method, parts[1], parts[2:], body)
        key = self.keys.get(parts[1])
        if key is None:
            return 400, {"errors": ["encryption key not found"]}
        bound = base64.b64decode(body.get("associated_data", ""))
        if parts[0] == "encrypt":
            version, nonce = max(key["versions"]), os.urandom(12)
            sealed = nonce + AESGCM(key["versions"][version]).encrypt(nonce, base64.b64decode(body["plaintext"]), bound)
            text = f"vault:v{version}:{base64.b64encode(sealed).decode()}"
            return 200, {"data": {"ciphertext": text, "key_version": version}}
        if parts[0] == "decrypt":
            _, version_text, encoded = body["ciphertext"].split(":")
            version, sealed = int(version_text[1:]), base64.b64decode(encoded)
            if version < key["min_decryption_version"]:
                return 400, {"errors": ["ciphertext or signature version is disallowed by policy (too old)"]}
            if version not in key["versions"]:
                return 400, {"errors": ["invalid ciphertext: version is too new"]}
            try:
                plain = AESGCM(key["versions"][version]).decrypt(sealed[:12], sealed[12:], bound)
            except InvalidTag:
                return 400, {"errors": ["cipher: message authentication failed"]}
            return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}
        return 404, {"errors": []}

    def _key(self, method: str, name: str, rest: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        if method in {"POST", "PUT"} and not rest:
            fresh = {"versions": {1: os.urandom(32)}, "min_decryption_version": 1, "min_encryption_version": 0,
                     "min_available_version": 0, "made": body}  # fmt: skip
            self.keys.setdefault(name, fresh)
            return 204, None
        key = self.keys.get(name)
        if key is None:
            return 404, {"errors": []}
        if method == "GET":
            told = {field: key[field] for field in key if field.startswith("min_")}
            return 200, {"data": {**told, "latest_version": max(key["versions"]), "name": name, "type": "aes256-gcm96"}}
        if rest == ["rotate"]:
            key["versions"][max(key["versions"]) + 1] = os.urandom(32)
            return 204, None
        if rest == ["config"]:
            for field in ("min_decryption_version", "min_encryption_version"):
                if field in body:
                    key[field] = int(body[field])
            return 204, None
        if rest == ["trim"]:
            least = int(body.get("min_available_version", body.get("min_version", 0)))
            if least > key["min_decryption_version"] or least > key["min_encryption_version"]:
                return 400, {"errors": ["minimum available version cannot be higher than minimum decryption version"]}
            key["min_available_version"] = least
            key["versions"] = {number: secret for number, secret in key["versions"].items() if number >= least}
            return 204, None
        return 404, {"errors": []}
