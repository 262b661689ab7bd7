"""Every setting, with its unit and default. Read once at start from `LIANQIAO_*`; checked as a whole; never re-read."""

import ipaddress
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The configuration of one gateway process. Wrong combinations are refused at start with the names of the settings."""

    model_config = SettingsConfigDict(env_prefix="LIANQIAO_", env_file=None, extra="forbid", frozen=True)

    mode: Literal["production", "demo", "test"] = Field(
        "production",
        description="demo: synthetic data and known passwords; test: relaxed durability. Production refuses insecure parts.",
    )
    home: Path = Field(Path("var"), description="Folder of the embedded database, the key file and the log key.")
    database: str = Field("", description="sqlite:///file or postgresql://user@host/name. Empty: sqlite in `home`.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on.")
    public_url: str = Field(
        "", description="How people reach the gateway, such as https://gw.example. Empty: http://host:port."
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file; together with tls_key the gateway speaks TLS itself."
    )
    tls_key: Path | None = Field(None, description="PEM file of the private key.")
    trusted_proxies: str = Field(
        "", description="Addresses or networks whose X-Forwarded-For is believed, comma-separated. Empty: nobody's."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line that is written."
    )
    log_format: Literal["json", "text"] = Field("json", description="Form of the log lines on standard error.")

    key_provider: str = Field(
        "",
        description="file:<path>, pkcs11:<...>, vault:<...>, insecure-memory:. Empty: file:<home>/root.key with its passphrase in <home>/passphrase.",
    )
    suite: Literal["AES-256-GCM", "AES-256-GCM-SIV", "SM4-GCM"] = Field(
        "AES-256-GCM", description="Suite for newly sealed values."
    )

    origin: str = Field(
        "lianqiao.local/grants",
        description="Name of the grants log: a schema-less URL that is ours (C2SP tlog-checkpoint).",
    )
    trail_origin: str = Field("lianqiao.local/trail", description="Name of the trail's log.")
    log_key_file: Path | None = Field(None, description="Signing key of the logs (note format). Empty: <home>/log.key.")
    seal_interval: float = Field(1.0, gt=0, le=60, description="Seconds between two rounds of the sealer.")

    witness_name: str = Field(
        "", description="Name under which this gateway witnesses partners' logs. Empty: first part of origin, /witness."
    )
    trust_policy: Path | None = Field(
        None,
        description="tlog-policy file: log = partners' logs that we witness; witness and quorum = who cosigns ours. Empty: nobody.",
    )
    tend_interval: float = Field(
        5.0, ge=0.1, le=3600, description="Seconds between two rounds of asking witnesses and anchoring."
    )
    anchor_file: Path | None = Field(None, description="Append-only file that anchors the heads, on other storage.")
    anchor_rpc: str = Field("", description="JSON-RPC address of an EVM node for anchoring. Empty: no chain.")
    anchor_chain_id: int = Field(0, ge=0, description="Chain id that the node must be on.")
    anchor_contract: str = Field("", description="Address of the CheckpointAnchor contract.")
    anchor_key_file: Path | None = Field(
        None, description="File with the hexadecimal private key of the sending account, which nothing else may use."
    )

    session_idle: int = Field(1800, ge=60, description="Seconds without use after which a session ends.")
    session_absolute: int = Field(36000, ge=300, description="Seconds after which a session ends whatever happens.")
    require_totp: bool = Field(
        False, description="Demand the second factor from everybody (always demanded once enrolled)."
    )
    rate_per_minute: int = Field(600, ge=1, description="Requests a minute and principal before 429.")
    sign_in_per_minute: int = Field(20, ge=1, description="Sign-in attempts a minute and source address before 429.")
    lockout_failures: int = Field(5, ge=1, description="Failed sign-ins before a login is locked for a growing time.")
    max_body: int = Field(64 * 1024 * 1024, ge=1024, description="Largest request body in bytes (uploads included).")

    oidc_issuer: str = Field("", description="Issuer URL of the OpenID provider. Empty: no OIDC sign-in.")
    oidc_client_id: str = Field("", description="Client id at the provider.")
    oidc_client_secret: SecretStr | None = Field(None, description="Client secret at the provider, if it wants one.")
    oidc_login_claim: str = Field(
        "", description="Claim that names an existing login, such as preferred_username. Empty: only linked identities."
    )

    smtp_url: str = Field("", description="smtp://user@host:port for notices. Empty: written to <home>/mail instead.")
    smtp_password: SecretStr | None = Field(None, description="Password for smtp_url.")
    mail_from: str = Field("lianqiao@localhost", description="Sender of notices.")

    trail_retention_days: int = Field(
        7305,
        ge=180,
        description="Days the trail is kept; 20 years by default (证券法 137), never below 180 (网络安全法 21).",
    )
    worker_in_server: bool = Field(
        True, description="Run the background work inside the server process (always so with SQLite)."
    )
    metrics: bool = Field(True, description="Serve Prometheus metrics at /metrics to loopback and trusted proxies.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        if self.mode == "production" and self.key_provider.startswith("insecure-"):
            raise ValueError(f"key_provider {self.key_provider!r} is refused in production")
        if self.origin == self.trail_origin:
            raise ValueError("origin and trail_origin must differ: two logs, two names")
        if self.anchor_rpc and not (self.anchor_chain_id and self.anchor_contract and self.anchor_key_file):
            raise ValueError("anchor_rpc needs anchor_chain_id, anchor_contract and anchor_key_file")
        if self.database and urlsplit(self.database).scheme not in {"sqlite", "postgresql"}:
            raise ValueError("database is sqlite:///file or postgresql://user@host/name")
        for each in filter(None, (part.strip() for part in self.trusted_proxies.split(","))):
            try:
                ipaddress.ip_network(each, strict=False)
            except ValueError:
                raise ValueError("trusted_proxies holds what is neither an address nor a network") from None
        return self

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.home / 'lianqiao.sqlite'}"

    @property
    def key_provider_uri(self) -> str:
        if self.key_provider:
            return self.key_provider
        home = self.home.absolute()
        return f"file:{home / 'root.key'}?passphrase=file:{home / 'passphrase'}"

    @property
    def log_key_path(self) -> Path:
        return self.log_key_file or self.home / "log.key"

    @property
    def witness(self) -> str:
        """The name of our witness key."""
        return self.witness_name or self.origin.split("/")[0] + "/witness"

    @property
    def seen_heads_path(self) -> Path:
        """Kept apart from the database and its backups: the largest checkpoint of each log that was handed out."""
        return self.home / "seen-heads.json"

    @property
    def url(self) -> str:
        scheme = "https" if self.tls_certificate else "http"
        return self.public_url or f"{scheme}://{self.host}:{self.port}"
