"""The SDK: the gateway's verbs over HTTP, and receipts checked offline. Knows the schemas and the ledger's verifier only."""

from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import orjson

from gateway.client.transport import GatewayProblem, GatewayRefusal, checked, headers_of
from gateway.client.verbs import AsyncVerbs, Verbs
from gateway.schemas.keys import Watermarks
from gateway.schemas.records import UploadFile, UploadOut
from ledger.policy import parse_policy
from ledger.receipt import Verified
from ledger.receipt import verify_receipt as _verify_receipt


def _upload_form(ask: UploadFile) -> dict[str, str]:
    form = {"kind": ask.kind, "mode": ask.mode, "dry_run": str(ask.dry_run).lower()}
    return form | ({"encoding": ask.encoding} if ask.encoding else {})


class Client(Verbs):
    """`with Client(url, token=api_key) as gateway: gateway.search_clients(SearchClients(q="莞芯"))`."""

    def sign_in_as(self, login: str, password: str, totp: str | None = None) -> None:
        """Signed in from now on, by session cookie. Raises `GatewayProblem` when refused."""
        body = {"login": login, "password": password} | ({"totp": totp} if totp else {})
        sent = self._http.post("/v1/session", json=body)
        self.csrf = str(orjson.loads(checked(sent)).get("csrf_token", ""))

    def upload_file(self, ask: UploadFile, file: BinaryIO, file_name: str) -> UploadOut:
        """Send a file / 上传文件: POST /v1/uploads"""
        headers = headers_of("upload_file", self._token, self.csrf)
        sent = self._http.post(
            "/v1/uploads", data=_upload_form(ask), files={"file": (file_name, file)}, headers=headers
        )
        return self._read(UploadOut, checked(sent))

    def read_watermark(self, file: BinaryIO, file_name: str) -> Watermarks:
        """Who took a leaked file out / 读取水印: POST /v1/watermarks"""
        headers = headers_of("read_watermark", self._token, self.csrf)
        sent = self._http.post("/v1/watermarks", files={"file": (file_name, file)}, headers=headers)
        return self._read(Watermarks, checked(sent))

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(AsyncVerbs):
    """As `Client`, awaited."""

    async def sign_in_as(self, login: str, password: str, totp: str | None = None) -> None:
        """Signed in from now on, by session cookie. Raises `GatewayProblem` when refused."""
        body = {"login": login, "password": password} | ({"totp": totp} if totp else {})
        sent = await self._http.post("/v1/session", json=body)
        self.csrf = str(orjson.loads(checked(sent)).get("csrf_token", ""))

    async def upload_file(self, ask: UploadFile, file: BinaryIO, file_name: str) -> UploadOut:
        """Send a file / 上传文件: POST /v1/uploads"""
        headers = headers_of("upload_file", self._token, self.csrf)
        sent = await self._http.post(
            "/v1/uploads", data=_upload_form(ask), files={"file": (file_name, file)}, headers=headers
        )
        return self._read(UploadOut, checked(sent))

    async def read_watermark(self, file: BinaryIO, file_name: str) -> Watermarks:
        """Who took a leaked file out / 读取水印: POST /v1/watermarks"""
        headers = headers_of("read_watermark", self._token, self.csrf)
        sent = await self._http.post("/v1/watermarks", files={"file": (file_name, file)}, headers=headers)
        return self._read(Watermarks, checked(sent))

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def verify_receipt(receipt: bytes | str, trust_file: Path | str) -> Verified:
    """What the receipt proves, checked offline against the trust file (C2SP tlog-policy).

    Raises `ledger.errors.VerificationError` naming what was expected and what was found.
    """
    text = Path(trust_file).read_text()
    return _verify_receipt(receipt, parse_policy(text))


__all__ = ["AsyncClient", "Client", "GatewayProblem", "GatewayRefusal", "verify_receipt"]
