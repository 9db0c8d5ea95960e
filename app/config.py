"""Settings: read once from the environment, frozen, refused when they are unsafe."""

import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from app import ledger
from app.domain.actor import Visibility
from app.domain.data_requests import DEFAULT_CALL_OFF_DAYS
from app.domain.retention import DEFAULT_MONTHS, Policy

PACKAGE = Path(__file__).parent
# In a checkout templates and static stand beside the package, in a wheel inside it.
RESOURCES = PACKAGE.parent if (PACKAGE.parent / "templates").is_dir() else PACKAGE
MIN_SECRET_LENGTH = 32
# Below it is the API; all else are pages.
API_PREFIX = "/v0/"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
# The name of a host, as it is written in addresses; others than ASCII letters too.
_NAME = re.compile(r"\w(?:[\w.-]{0,251}\w)?\Z")
# An address alone, or in angle brackets after a name.
_SENDER = re.compile(r"(?:[^<>\r\n]*<[^<>@\s,;]+@[^<>@\s,;]+>|[^<>@\s,;]+@[^<>@\s,;]+)\Z")


class BadSetting(Exception):
    """A setting is missing or unsafe; the message says how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set; `docs/configuration.md` describes each (a test compares)."""

    data_dir: Path
    database_url: str
    secret_key: str
    erasure_key: str
    secret_key_fallbacks: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    allow_http: bool = False
    trusted_hosts: tuple[str, ...] = LOOPBACK
    proxy_count: int = 0
    customer_visibility: Visibility = Visibility.STORE
    session_idle_minutes: int = 30
    session_hours: int = 12
    web_workers: int = 2
    web_threads: int = 4
    deletion_call_off_days: int = DEFAULT_CALL_OFF_DAYS
    run_jobs: bool = True
    job_workers: int = 2
    job_lease_seconds: int = 60
    review_four_eyes: bool = True
    webhook_allow_private: bool = False
    public_url: str = "http://127.0.0.1:8000"
    mail_url: str = "file"
    mail_from: str = "Clienteling <no-reply@localhost>"
    consent_months: int = 36
    api_token_minutes: int = 1440
    api_refresh_days: int = 30
    api_requests_per_minute: int = 600
    api_lists_per_minute: int = 300
    log_level: str = "INFO"
    access_log_months: int = 12
    audit_log_months: int = 36
    profiles_per_hour: int = 60
    retention_months: int = DEFAULT_MONTHS
    retention_automatic: bool = False

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The key of now and the older ones: what was sealed or signed under any of them can be read."""
        return (self.secret_key, *self.secret_key_fallbacks)

    @property
    def retention(self) -> Policy:
        """How long customers are kept of whom nothing more is heard."""
        return Policy(months=self.retention_months, audit_log_months=self.audit_log_months)

    @property
    def sends_mails(self) -> bool:
        """True where mails come to somebody's eyes."""
        return self.mail_url not in {"off", "log"}

    @property
    def double_opt_in(self) -> bool:
        """True when e-mail consent waits for the link in a mail."""
        return self.sends_mails

    @property
    def is_sqlite(self) -> bool:
        """True when the database is an SQLite file."""
        return self.database_url.startswith("sqlite")


ENVIRONMENT = tuple(field.name.upper() for field in fields(Settings))


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Raises BadSetting with the name of the setting and how to mend it.
    """
    env = os.environ if environ is None else environ
    data_dir = Path(env.get("DATA_DIR") or "data").resolve()
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"DATA_DIR {data_dir} cannot be made: {error.strerror}") from None
    host, port = _host(env.get("HOST")), _number(env, "PORT", 1, 65535)
    return Settings(
        data_dir=data_dir,
        database_url=_database_url(env.get("DATABASE_URL"), data_dir),
        secret_key=_secret(env.get("SECRET_KEY"), data_dir),
        secret_key_fallbacks=_fallbacks(env.get("SECRET_KEY_FALLBACKS")),
        host=host,
        port=port,
        allow_http=_flag(env, "ALLOW_HTTP"),
        # This machine too, whatever else is said: health checks ask it by its address.
        trusted_hosts=tuple(dict.fromkeys((*_trusted(env.get("TRUSTED_HOSTS")), *LOOPBACK, host))),
        proxy_count=_number(env, "PROXY_COUNT", 0, 5),
        customer_visibility=_visibility(env.get("CUSTOMER_VISIBILITY")),
        session_idle_minutes=_number(env, "SESSION_IDLE_MINUTES", 1, 720),
        session_hours=_number(env, "SESSION_HOURS", 1, 24),
        web_workers=_number(env, "WEB_WORKERS", 1, 64),
        web_threads=_number(env, "WEB_THREADS", 1, 64),
        deletion_call_off_days=_number(env, "DELETION_CALL_OFF_DAYS", 0, 21),
        erasure_key=_secret(env.get("ERASURE_KEY"), data_dir, name="ERASURE_KEY", file="erasure-key"),
        run_jobs=_flag(env, "RUN_JOBS"),
        job_workers=_number(env, "JOB_WORKERS", 1, 32),
        job_lease_seconds=_number(env, "JOB_LEASE_SECONDS", 2, 3600),
        review_four_eyes=_flag(env, "REVIEW_FOUR_EYES"),
        webhook_allow_private=_flag(env, "WEBHOOK_ALLOW_PRIVATE"),
        public_url=_public_url(env.get("PUBLIC_URL"), host, port),
        mail_url=_mail_url(env.get("MAIL_URL")),
        mail_from=_mail_from(env.get("MAIL_FROM")),
        consent_months=_number(env, "CONSENT_MONTHS", 0, 240),
        api_token_minutes=_number(env, "API_TOKEN_MINUTES", 1, 525_600),
        api_refresh_days=_number(env, "API_REFRESH_DAYS", 1, 365),
        api_requests_per_minute=_number(env, "API_REQUESTS_PER_MINUTE", 1, 1_000_000),
        api_lists_per_minute=_number(env, "API_LISTS_PER_MINUTE", 1, 1_000_000),
        log_level=_log_level(env.get("LOG_LEVEL")),
        access_log_months=_number(env, "ACCESS_LOG_MONTHS", 1, 120),
        audit_log_months=_number(env, "AUDIT_LOG_MONTHS", 1, 120),
        profiles_per_hour=_number(env, "PROFILES_PER_HOUR", 1, 10_000),
        retention_months=_number(env, "RETENTION_MONTHS", 0, 240),
        retention_automatic=_flag(env, "RETENTION_AUTOMATIC"),
    )


def _database_url(given: str | None, data_dir: Path) -> str:
    if not given:
        return f"sqlite:///{data_dir / 'clienteling.db'}"
    url = re.sub(r"\Apostgres(ql)?://", "postgresql+psycopg://", given)
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise BadSetting("DATABASE_URL must begin with sqlite:/// or postgresql://")
    # Here, since not every command needs it; and its words may repeat the password.
    from sqlalchemy.engine import make_url  # noqa: PLC0415 -- see above
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 -- see above

    try:
        read = make_url(url)
    except (ValueError, ArgumentError):
        raise BadSetting(
            "DATABASE_URL cannot be read: it must be like postgresql://user:password@host:5432/name, the "
            "port a number, and signs in the password written as in addresses (%40 for @)"
        ) from None
    if url.startswith("sqlite") and (read.database or ":memory:").startswith((":memory:", "file:")):
        raise BadSetting("DATABASE_URL must name a file, like sqlite:////srv/clienteling/clienteling.db")
    return url


def _secret(given: str | None, data_dir: Path, *, name: str = "SECRET_KEY", file: str = "secret-key") -> str:
    if given:
        return _strong(name, given)
    path = data_dir / file
    try:
        if not path.exists():
            if name == "ERASURE_KEY" and _is_filled(data_dir / ledger.NAME):
                raise BadSetting(
                    f"{path} is missing, and the ledger of erasures was written under it. Put it back from "
                    "its copy, or set ERASURE_KEY to it; docs/operations.md says what to do when it is lost."
                )
            _make_secret(path)
        if path.stat().st_mode & 0o077:
            raise BadSetting(f"{path} can be read by others. Mend it with: chmod 600 {path}")
        found = path.read_bytes().decode("ascii", "replace").strip()
    except OSError as error:
        raise BadSetting(f"{path} cannot be read or made: {error.strerror}") from None
    if not _is_strong(found):
        lost = "everybody signs in again" if name == "SECRET_KEY" else "only if nobody was erased yet"
        raise BadSetting(
            f"{path} holds no key: it is empty or damaged. Put it back from its copy, or delete it: a new "
            f"one is made ({lost})."
        )
    return found


def _make_secret(path: Path) -> None:
    """Make the file of a key, whole from its first moment: several processes may start at once."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(secrets.token_urlsafe(48))
            opened.flush()
            os.fsync(opened.fileno())
        # The first one that is there stays.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    except PermissionError:
        # A file system without links.
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def _strong(name: str, given: str) -> str:
    if not _is_strong(given):
        raise BadSetting(
            f"{name} must be random and at least {MIN_SECRET_LENGTH} characters long. "
            "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    return given


def _is_strong(secret: str) -> bool:
    return len(secret) >= MIN_SECRET_LENGTH and len(set(secret)) >= 8


def _is_filled(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _public_url(given: str | None, host: str, port: int) -> str:
    if not given:
        return f"http://{'[' + host + ']' if ':' in host else host}:{port}"
    if not re.match(r"https?://[^\s/?#]+\Z", given.rstrip("/")) or not _has_host(given):
        raise BadSetting("PUBLIC_URL must be the address people open, like https://clienteling.example")
    return given.rstrip("/")


def _mail_url(given: str | None) -> str:
    if not given or given in {"file", "log", "off"}:
        return given or Settings.mail_url
    if not _has_host(given) or urlsplit(given).scheme not in {"smtp", "smtps"}:
        raise BadSetting("MAIL_URL must be file, log, off, or like smtp://user:password@mail.example:587")
    return given


def _mail_from(given: str | None) -> str:
    value = given or Settings.mail_from
    if not _SENDER.match(value):
        raise BadSetting("MAIL_FROM must be an address, like Store <store@example.com>")
    return value


def _host(given: str | None) -> str:
    value = given or Settings.host
    if not _is_host(value):
        raise BadSetting("HOST must be an address of this machine or its name, like 0.0.0.0")
    return value


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        try:
            return _NAME.match(text) is not None and bool(text.encode("idna"))
        except UnicodeError:
            return False
    return True


def _has_host(url: str) -> bool:
    """True when an address names a host that can be, and no port that cannot."""
    try:
        parts = urlsplit(url)
        return _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        return False


def _fallbacks(given: str | None) -> tuple[str, ...]:
    return tuple(_strong("Each of SECRET_KEY_FALLBACKS", word) for word in _words(given))


def _trusted(given: str | None) -> tuple[str, ...]:
    words = _words(given)
    for word in words:
        if "/" in word or not (_is_host(word) or _has_host(f"//{word.removeprefix('.')}")):
            raise BadSetting(
                f"TRUSTED_HOSTS must be names of hosts, separated by commas: {word!r} is none. "
                "For all hosts below a name begin it with a dot, like .shop.example"
            )
    return words


def _log_level(given: str | None) -> str:
    value = (given or Settings.log_level).upper()
    if value not in _LOG_LEVELS:
        raise BadSetting(f"LOG_LEVEL must be one of {', '.join(_LOG_LEVELS)}")
    return value


def _words(given: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (given or "").split(",") if word.strip())


def _flag(env: Mapping[str, str], name: str) -> bool:
    given = (env.get(name) or "").lower()
    if not given:
        return bool(getattr(Settings, name.lower()))
    if given not in {"yes", "no", "1", "0", "true", "false"}:
        raise BadSetting(f"{name} must be yes or no")
    return given in {"yes", "1", "true"}


def _number(env: Mapping[str, str], name: str, low: int, high: int) -> int:
    given = env.get(name) or str(getattr(Settings, name.lower()))
    if not (given.isascii() and given.isdigit() and low <= int(given) <= high):
        raise BadSetting(f"{name} must be a whole number from {low} to {high}")
    return int(given)


def _visibility(given: str | None) -> Visibility:
    try:
        return Visibility(given or Settings.customer_visibility)
    except ValueError:
        raise BadSetting("CUSTOMER_VISIBILITY must be store or company") from None
