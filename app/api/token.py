"""POST /v0/token: OAuth 2 (RFC 6749) by Authlib's authorization server.

* `grant_type=client_credentials`: `client_id` and `client_secret` in the body, or by HTTP Basic.
* `grant_type=password`: `username` is the client's name or its client id, `password` its secret:
  the clients of API v0 send these. No other credentials are needed.
* `grant_type=refresh_token`: works once and gives a new pair; who got theirs by client_credentials
  sends the client's credentials again. A refresh token that comes back a second time revokes all
  tokens of its family (RFC 9700).

The body is a form or a JSON object, whatever Content-Type says. `scope` may ask for less than the
client may. Errors have OAuth's `error` and `error_description` beside v0's own three names.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    ClientMixin,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Request,
)
from authlib.oauth2.rfc6749 import grants as oauth
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import Response, current_app, g, request

from app.api import errors, requests, responses
from app.config import Settings
from app.db import transaction
from app.domain.permissions import Scope
from app.domain.tokens import split_scopes
from app.errors import Invalid
from app.models import ApiClient, ApiToken
from app.request_session import get_session
from app.services import tokens

# What nobody may put into an address: addresses are written to logs.
_SECRETS = ("password", "client_secret", "refresh_token")
_MAX_VALUE = 1000
_BROKEN = re.compile("[\x00\ud800-\udfff]")
# Authlib's own refusal, which says nothing, comes only there.
_WIDER = "A renewed token has the scopes of the old one or less: ask for some of them, or leave scope out."


class _Client(ClientMixin):  # type: ignore[misc]
    """A client as Authlib asks about it; one that is not there refuses every secret alike."""

    def __init__(self, row: ApiClient | None) -> None:
        self.row = row

    def check_client_secret(self, client_secret: str) -> bool:
        return tokens.is_secret_of(self.row, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        return True

    def check_grant_type(self, grant_type: str) -> bool:  # noqa: ARG002
        return True


class _RefreshToken:
    """A refresh token as Authlib asks about it."""

    def __init__(self, row: ApiToken) -> None:
        self.row = row

    def check_client(self, client: _Client) -> bool:
        return client.row is not None and client.row.id == self.row.api_client_id

    def get_scope(self) -> str:
        return self.row.scopes


class _Request(OAuth2Request):  # type: ignore[misc]
    """The request as Authlib reads it: the values of the body, never those of the address."""

    def __init__(self, values: dict[str, str]) -> None:
        settings: Settings = current_app.extensions["settings"]
        # Authlib refuses plain HTTP; ALLOW_HTTP is how this program says that it is meant.
        uri = request.base_url.replace("http://", "https://", 1) if settings.allow_http else request.base_url
        super().__init__(method=request.method, uri=uri, headers=request.headers)
        self.payload = BasicOAuth2Payload(values)

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data  # type: ignore[no-any-return]


class _Server(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server, with answers in v0's shape."""

    def create_oauth2_request(self, _request: Any) -> _Request:
        return _Request(_read_body())

    def handle_response(self, status: int, body: Any, headers: Iterable[tuple[str, str]]) -> Response:
        if "error" in body:
            return _error(status, body["error"], body.get("error_description", ""), headers)
        response = responses.json_response(body, status)
        response.headers["Pragma"] = "no-cache"
        return response

    def send_signal(self, *_args: Any, **_kwargs: Any) -> None:
        """Nobody listens."""

    def validate_requested_scope(self, scope: str | None) -> None:
        if not split_scopes(scope or "") <= set(Scope):
            raise InvalidScopeError(f"There are these scopes: {', '.join(Scope)}.")


class _ClientCredentials(oauth.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class _Password(oauth.ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]
    # The user is the client, so the user's password is what shows who the client is.
    TOKEN_ENDPOINT_AUTH_METHODS = ("api_user",)

    def authenticate_user(self, _username: str, _password: str) -> Any:
        return self.request.client or True


class _Refresh(oauth.RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "refresh_alone")
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> _RefreshToken | None:
        row = tokens.use_refresh_token(get_session(), refresh_token, request_id=g.request_id)
        return _RefreshToken(row) if row else None

    def authenticate_user(self, refresh_token: _RefreshToken) -> Any:
        return refresh_token

    def revoke_old_credential(self, refresh_token: _RefreshToken) -> None:
        tokens.spend(get_session(), refresh_token.row)


def _find(client_id: str) -> _Client:
    return _Client(tokens.find_client(get_session(), client_id))


def _api_user(_query: Any, oauth_request: _Request) -> _Client:
    values = oauth_request.form
    for name in ("username", "password"):
        if not values.get(name):
            raise InvalidRequestError(f"Send {name} in the body.")
    client = _find(values["username"])
    if not client.check_client_secret(values["password"]):
        raise InvalidGrantError("The username or the password is not right.")
    return client


def _client_basic(_query: Any, _oauth_request: _Request) -> _Client | None:
    # In place of Authlib's own, which does not take bytes that are no text.
    given = _basic()
    client = _find(given[0]) if given and all(given) else None
    return client if client and given and client.check_client_secret(given[1]) else None


def _basic() -> tuple[str, str] | None:
    """Return the id and the secret of HTTP Basic, ("", "") for what cannot be read, None for none."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    name, secret = unquote(name), unquote(secret)
    return ("", "") if "\0" in name or len(name) > _MAX_VALUE else (name, secret)


def _refresh_alone(_query: Any, oauth_request: _Request) -> _Client | None:
    # Only where nothing else was sent: wrong credentials must not be passed over.
    values = oauth_request.form
    if "Authorization" in request.headers or values.get("client_id") or values.get("client_secret"):
        return None
    if not values.get("refresh_token"):
        raise InvalidRequestError("Send refresh_token in the body.")
    row = tokens.find_refresh_token(get_session(), values["refresh_token"])
    if row is None:
        raise InvalidGrantError("This refresh token is unknown, used, expired or revoked.")
    return _Client(row.api_client) if row.grant == "password" else None


def _generate(
    *, grant_type: str, client: _Client, user: Any = None, scope: str | None = None, **_more: Any
) -> dict[str, Any]:
    settings: Settings = current_app.extensions["settings"]
    assert client.row is not None
    if scope and not split_scopes(scope) & split_scopes(client.row.scopes):
        raise InvalidScopeError(f"The client may have: {client.row.scopes}.")
    old = user.row if isinstance(user, _RefreshToken) else None
    issued = tokens.issue(
        get_session(),
        client.row,
        scope or "",
        grant=old.grant if old else grant_type,
        lifetime=timedelta(minutes=settings.api_token_minutes),
        refresh_lifetime=timedelta(days=settings.api_refresh_days),
        family_id=old.family_id if old else None,
        request_id=g.request_id,
    )
    return {
        "access_token": issued.access_token,
        "refresh_token": issued.refresh_token,
        "expires_in": issued.expires_in,
        "scope": issued.scopes,
        "token_type": "Bearer",
    }


def _make_server() -> _Server:
    server = _Server(query_client=_find, save_token=lambda _token, _request: None)
    server.register_token_generator("default", _generate)
    server.register_client_auth_method("api_user", _api_user)
    server.register_client_auth_method("client_secret_basic", _client_basic)
    server.register_client_auth_method("refresh_alone", _refresh_alone)
    for grant in (_ClientCredentials, _Password, _Refresh):
        server.register_grant(grant)
    return server


_SERVER = _make_server()


def create() -> Response:
    """Give a token, or say why not; failed tries are counted in the database.

    Raises RateLimited after too many of them, and for a client that asks for tokens all the time.
    """
    if found := [name for name in _SECRETS if name in request.args]:
        text = f"Never put {found[0]} into the address, where it is written to logs: send it in the body."
        return _error(400, "invalid_request", text)
    settings: Settings = current_app.extensions["settings"]
    session = get_session()
    try:
        values = _read_body()
        if not values.get("grant_type"):
            return _error(400, "invalid_request", "Send grant_type in the body.")
        asking = tokens.Try.of(settings.secret_key, named=_named(values), source=request.remote_addr or "")
        # One transaction for all that Authlib does: a refused try and a revoked family are kept too.
        with transaction(session):
            tokens.refuse_storm(session, asking)
            response: Response = _SERVER.create_token_response()
            if g.get("oauth_refused"):
                tokens.note_failure(session, asking)
    except Invalid as error:
        return _error(400, "invalid_request", error.message)
    except OAuth2Error as error:  # plain HTTP
        return _error(400, error.error, error.description)
    return response


def _error(status: int, error: str, description: str, headers: Iterable[tuple[str, str]] = ()) -> Response:
    text = {
        "unsupported_grant_type": "grant_type must be client_credentials, password or refresh_token.",
        "invalid_scope": _WIDER if description == InvalidScopeError.description else description,
        "insecure_transport": "Use https: a secret must not travel in the clear.",
    }.get(error, description or "This request cannot be read.")
    if error == "invalid_client":
        text = _refused_client()
    if error == "invalid_grant" and not description:
        text = "This refresh token is unknown, used, expired or revoked."
    code = "unauthorized" if status == 401 else "bad_request"
    body = errors.body(code, text, error=error, error_description=text)
    response = responses.json_response(body, status)
    for name, value in headers:
        if name == "WWW-Authenticate":
            response.headers[name] = value.partition(" ")[0] + ' realm="token"'
    g.oauth_refused = error in {"invalid_client", "invalid_grant"}
    return response


def _refused_client() -> str:
    values = _read_body()
    missing = [name for name in ("client_id", "client_secret") if not values.get(name)]
    if missing and _basic() is None:
        return f"Send {' and '.join(missing)} in the body, or both by HTTP Basic."
    return "The client id or the secret is not right, or the client was deactivated."


def _named(values: dict[str, str]) -> str:
    given = _basic()
    return (given[0] or "?") if given else values.get("client_id") or values.get("username") or ""


def _read_body() -> dict[str, str]:
    """Return the values of the body. Raises Invalid for a repeated, long or broken one."""
    if "oauth_values" not in g:
        g.oauth_values = _parse_body()
    values: dict[str, str] = g.oauth_values
    return values


def _parse_body() -> dict[str, str]:
    if request.mimetype == "multipart/form-data":
        pairs = list(request.form.items(multi=True))
    else:
        data = requests.read_body()
        if data.lstrip().startswith((b"{", b"[", b"\xef\xbb\xbf")):
            pairs = list(requests.parse(data).items())
        else:
            pairs = _parse_form(data)
    values: dict[str, str] = {}
    for name, value in pairs:
        shown = _BROKEN.sub("?", name[:40])
        if name in values:
            raise Invalid({}, f"Send {shown} only once.")
        if value is None:
            continue
        if not isinstance(value, str):
            raise Invalid({}, f"Send {shown} as text, in quotes.")
        if len(value) > _MAX_VALUE:
            raise Invalid({}, f"Send {shown} in at most {_MAX_VALUE} characters.")
        if _BROKEN.search(value):
            raise Invalid({}, f"Send {shown} without NUL and half surrogate pairs: they are no text.")
        values[name] = value
    return values


def _parse_form(data: bytes) -> list[tuple[str, Any]]:
    try:
        return [*parse_qsl(data.decode(), keep_blank_values=True, errors="strict", max_num_fields=50)]
    except ValueError:
        raise Invalid({}, "The body must be a form or a JSON object, in UTF-8.") from None
