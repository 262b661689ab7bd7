"""Sign-in, sessions and credentials on the wire. Secrets are shown once, and accepted so that no dump shows them."""

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr
from pydantic.json_schema import SkipJsonSchema

from .base import Answer, Ask, Done, Instant, Nothing, Page, Paged, Route
from .parties import PersonId, PersonOut

PasswordText = Annotated[SecretStr, Field(min_length=1, max_length=1024, description="密码 / Password")]
Code = Annotated[str, Field(min_length=6, max_length=10, description="动态验证码 / One-time code", examples=["123456"])]
TokenId = Annotated[str, Field(min_length=8, max_length=36, description="编号 / Identifier")]
Must = Literal["", "change-password", "enrol-totp"]


class SignIn(Ask):
    login: str = Field(min_length=1, max_length=200, description="登录名 / Login", examples=["analyst"])
    password: PasswordText
    totp: Code | None = Field(None, description="动态验证码,已启用时必填 / Second factor, once enrolled")


class SessionOut(Answer):
    """Who is signed in, and what pages must send along on writes (`X-CSRF-Token`)."""

    person: PersonOut
    institution_kind: str = Field(description="机构类型 / Kind of the institution")
    csrf_token: str = Field(description="写操作须放入 X-CSRF-Token / To be sent as X-CSRF-Token on writes")
    must: Must = Field("", description="必须先完成的事项 / What must be done before anything else")
    expires_at: Instant | None = Field(None, description="最迟失效时间 / Ends then at the latest")


class SignedIn(SessionOut):
    """A new session. Its token travels in a cookie alone."""

    token: SkipJsonSchema[SecretStr] = Field(exclude=True, repr=False)


class SessionListed(Answer):
    """A session of somebody."""

    token_id: str
    person_id: str
    method: str = Field(description="登录方式 / How it was begun", examples=["password+totp"])
    source_address: str
    created_at: Instant
    seen_at: Instant
    expires_at: Instant
    current: bool = Field(description="是否本次会话 / Whether it is this one")


class ListSessions(Paged):
    person_id: PersonId | None = Field(None, description="空为本人 / One's own when empty")


class RevokeSession(Ask):
    token_id: TokenId


class ResetPassword(Ask):
    """The old password, open sessions and earlier one-time tokens are void. The second factor stays."""

    person_id: PersonId


class OneTimeOut(Answer):
    """Hand it over in person or by a channel you trust. Shown once, used once."""

    person_id: str
    one_time_token: str
    expires_at: Instant


class SetPassword(Ask):
    """By one-time token (signed out), or by the old password (signed in)."""

    one_time_token: SecretStr | None = Field(None, max_length=100, description="一次性口令 / One-time token")
    old_password: PasswordText | None = None
    password: PasswordText


class TotpOffered(Answer):
    """Add it to an authenticator, then confirm with a code. Shown once."""

    secret: str = Field(description="Base32 密钥 / Secret in base32")
    uri: str = Field(description="otpauth URI,可制成二维码 / For a QR code")


class ConfirmTotp(Ask):
    totp: Code


class RemoveTotp(Ask):
    """For a lost device: the second factor is gone, and must be enrolled anew where it is demanded."""

    person_id: PersonId


class CreateApiKey(Ask):
    """For oneself, or for a service account one looks after."""

    person_id: PersonId | None = Field(None, description="服务账户;空为本人 / Service account; oneself when empty")
    label: str = Field(min_length=1, max_length=100, description="用途说明 / What it is for")
    days: int = Field(90, ge=1, le=365, description="有效天数 / Days it is valid")


class ApiKeyOut(Answer):
    key_id: str
    person_id: str
    label: str
    hint: str = Field(description="密钥开头 / How the key begins")
    created_at: Instant
    seen_at: Instant
    expires_at: Instant
    revoked_at: Instant | None


class ApiKeyCreated(ApiKeyOut):
    """The key itself. Shown once."""

    api_key: str = Field(description="仅显示一次 / Shown once", examples=["lqk_..."])


class ListApiKeys(Paged):
    person_id: PersonId | None = Field(None, description="空为本人 / One's own when empty")


class RevokeApiKey(Ask):
    key_id: TokenId


class RegisterClientKey(Ask):
    """The public key with which a service account signs its assertions."""

    person_id: PersonId
    jwk: dict[str, Any] = Field(description="公钥 JWK(RFC 7517) / Public key as JWK")


class ClientKeyOut(Answer):
    person_id: str
    kid: str = Field(description="JWK 指纹(RFC 7638) / Thumbprint of the key")
    algorithm: str
    created_at: Instant
    revoked_at: Instant | None


class ListClientKeys(Ask):
    person_id: PersonId


class RevokeClientKey(Ask):
    person_id: PersonId
    kid: str = Field(min_length=1, max_length=64)


class IssueToken(Ask):
    """OAuth 2.0 client credentials with private_key_jwt (RFC 6749, 4.4; RFC 7523)."""

    grant_type: Literal["client_credentials"] = "client_credentials"
    client_assertion_type: Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    client_assertion: SecretStr = Field(max_length=8192, description="JWT 断言 / The signed assertion")


class TokenOut(Answer):
    """An access token, to be sent as `Authorization: Bearer`. Shown once."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: int = Field(description="秒 / Seconds")


class StartOidc(Ask):
    return_to: str = Field("/console/", max_length=300, description="登录后返回的页面 / Page to come back to")


class OidcStarted(Answer):
    """Where the browser goes next. `binding` travels in a cookie alone."""

    authorization_url: str
    binding: SkipJsonSchema[SecretStr] = Field(exclude=True, repr=False)


class FinishOidc(Ask):
    state: str = Field("", max_length=100)
    code: str = Field("", max_length=4096)
    error: str = Field("", max_length=200)
    iss: str = Field("", max_length=300)
    binding: SkipJsonSchema[SecretStr] = Field(SecretStr(""), description="来自浏览器 cookie / From the cookie")


class OidcSignedIn(SignedIn):
    return_to: str


class LinkIdentity(Ask):
    """This person is `subject` at the provider `issuer`."""

    person_id: PersonId
    subject: str = Field(min_length=1, max_length=255)
    issuer: str | None = Field(None, max_length=300, description="空为设置中的 issuer / The configured one when empty")


ROUTES = (
    Route("sign_in", "POST", "/v1/session", SignIn, SessionOut, "sessions", "登录", "Sign in", public=True, raw=True),
    Route("sign_out", "DELETE", "/v1/session", Nothing, Done, "sessions", "退出登录", "Sign out", raw=True),
    Route("whoami", "GET", "/v1/session", Nothing, SessionOut, "sessions", "当前身份", "Who is signed in"),
    Route(
        "list_sessions", "GET", "/v1/sessions", ListSessions, Page[SessionListed], "sessions",
        "会话列表", "List sessions",
    ),
    Route(
        "revoke_session", "DELETE", "/v1/sessions/{token_id}", RevokeSession, Done, "sessions",
        "结束会话", "End a session",
    ),
    Route(
        "reset_password", "POST", "/v1/people/{person_id}/password-reset", ResetPassword, OneTimeOut, "credentials",
        "重置密码", "Reset a password", secret=True,
    ),
    Route(
        "set_password", "POST", "/v1/password", SetPassword, Done, "credentials",
        "设置密码", "Set a password", public=True, raw=True,
    ),
    Route(
        "enrol_totp", "POST", "/v1/totp", Nothing, TotpOffered, "credentials",
        "启用动态验证码", "Enrol a second factor", secret=True,
    ),
    Route(
        "confirm_totp", "POST", "/v1/totp/confirmation", ConfirmTotp, Done, "credentials",
        "确认动态验证码", "Confirm the second factor",
    ),
    Route(
        "remove_totp", "DELETE", "/v1/people/{person_id}/totp", RemoveTotp, Done, "credentials",
        "移除动态验证码", "Remove a lost second factor",
    ),
    Route(
        "create_api_key", "POST", "/v1/api-keys", CreateApiKey, ApiKeyCreated, "credentials",
        "新建 API 密钥", "Create an API key", status=201, secret=True,
    ),
    Route(
        "list_api_keys", "GET", "/v1/api-keys", ListApiKeys, Page[ApiKeyOut], "credentials",
        "API 密钥列表", "List API keys",
    ),
    Route(
        "revoke_api_key", "DELETE", "/v1/api-keys/{key_id}", RevokeApiKey, Done, "credentials",
        "吊销 API 密钥", "Revoke an API key",
    ),
    Route(
        "register_client_key", "POST", "/v1/people/{person_id}/client-keys", RegisterClientKey, ClientKeyOut,
        "credentials", "登记客户端公钥", "Register a client's public key", status=201,
    ),
    Route(
        "list_client_keys", "GET", "/v1/people/{person_id}/client-keys", ListClientKeys, Page[ClientKeyOut],
        "credentials", "客户端公钥列表", "List a client's public keys",
    ),
    Route(
        "revoke_client_key", "DELETE", "/v1/people/{person_id}/client-keys/{kid}", RevokeClientKey, Done, "credentials",
        "吊销客户端公钥", "Revoke a client's public key",
    ),
    Route(
        "issue_token", "POST", "/v1/token", IssueToken, TokenOut, "credentials",
        "换取访问令牌", "Exchange an assertion for a token", public=True, raw=True,
    ),
    Route(
        "start_oidc", "GET", "/v1/oidc/start", StartOidc, OidcStarted, "sessions",
        "开始统一身份认证", "Begin sign-in at the identity provider", public=True, raw=True,
    ),
    Route(
        "finish_oidc", "GET", "/v1/oidc/callback", FinishOidc, OidcSignedIn, "sessions",
        "完成统一身份认证", "Return from the identity provider", public=True, raw=True,
    ),
    Route(
        "link_identity", "POST", "/v1/people/{person_id}/identities", LinkIdentity, Done, "credentials",
        "绑定统一身份", "Link a provider's identity",
    ),
)  # fmt: skip
