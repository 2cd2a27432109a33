"""Settings: flags, then `SOJOURN_*` environment variables, then the defaults below.

`Settings` is the one table: its fields carry the sentence that README and `--help` print and the function
that reads the text form. A bad environment is reported whole, never one mistake at a time.
"""

# ruff: noqa: RUF009 (every default is a `field`, made by `_setting`)

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal

from sojourn.domain.durations import format_duration, parse_duration
from sojourn.domain.ids import is_tenant_id
from sojourn.domain.risk import HIGHEST
from sojourn.settings.algorithms import ALGORITHMS, ASYMMETRIC, SYMMETRIC, minimum_secret_bytes
from sojourn.settings.parsers import (
    base_path,
    hosts_and_networks,
    issuer,
    issuers,
    items,
    one_of,
    origins,
    pairs,
    processes,
    public_url,
    text_of,
    truth,
    whole_number,
)
from sojourn.settings.service_subjects import service_subjects
from sojourn.settings.strength import names_ports, weaknesses

PREFIX = "SOJOURN_"

Environment = Literal["production", "development"]
LogFormat = Literal["json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]
TokenAlgorithm = Literal["EdDSA", "RS256"]
ResponseValidation = Literal["off", "log", "enforce"]


class SettingsError(Exception):
    """The settings cannot be used. `problems` holds one sentence for each thing wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def _setting(default: Any, about: str, *, read: Any = text_of, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"about": about, "read": read, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Raises SettingsError when the values contradict each other."""

    database_url: str = _setting(
        "sqlite:///sojourn.db",
        "The database: `sqlite:///file.db` (four slashes: absolute), or `postgresql://user@host/name`.",
        secret=True,
    )
    database_pool: int = _setting(10, "How many connections to PostgreSQL a process holds at most.", read=whole_number)
    internal_api_keys: tuple[str, ...] = _setting(
        (), "API keys accepted besides the stored ones, comma-separated.", read=items, secret=True
    )
    jwt_secret: str | None = _setting(None, "The secret of HS256 bearer tokens, at least 32 bytes.", secret=True)
    jwt_secret_previous: str | None = _setting(
        None, "What that secret was before, or will be next: tokens signed with it are valid beside it.", secret=True
    )
    oidc_issuer: tuple[str, ...] = _setting(
        (), "Issuers of bearer tokens, comma-separated; their keys are found by discovery.", read=issuers
    )
    jwt_jwks: str | None = _setting(
        None, "File or http(s) URL of the JSON Web Key Set that verifies bearer tokens.", secret=True
    )
    jwt_jwks_stale_limit: timedelta = _setting(
        timedelta(hours=24),
        "How long keys that cannot be read again are used, at least 10m; then their tokens are 503.",
        read=parse_duration,
    )
    jwt_issuer: str | None = _setting(None, "The `iss` that bearer tokens must carry; unset: any.")
    jwt_audience: str | None = _setting(None, "The `aud` that bearer tokens must name; unset: none may be named.")
    logout_audience: tuple[str, ...] = _setting(
        (),
        "The client ids that logout tokens may name in `aud`, comma-separated; unset: `SOJOURN_JWT_AUDIENCE`.",
        read=items,
    )
    jwt_algorithms: tuple[str, ...] = _setting(
        (),
        "Accepted algorithms; unset: HS256 with a secret, RS256, ES256 and EdDSA with a key set.",
        read=items,
    )
    jwt_leeway: timedelta = _setting(
        timedelta(seconds=5), "How far the clocks of token issuers may be off.", read=parse_duration
    )
    jwt_tenant: str | None = _setting(None, "The one tenant of all bearer tokens; unset: a claim names it.")
    jwt_tenant_claim: str = _setting("tenant_id", "The claim that names the tenant, or a path to it such as `org.id`.")
    jwt_tenant_map: tuple[str, ...] = _setting(
        (), "What that claim says and the tenant meant by it, such as `org_17=acme`; unset: the same.", read=pairs
    )
    jwt_roles_claim: str = _setting("roles", "The claim that lists the roles, or a path such as `realm_access.roles`.")
    jwt_role_map: tuple[str, ...] = _setting(
        (), "The provider's roles and ours, such as `sessions-admin=admin`; others then count for nothing.", read=pairs
    )
    service_subjects: tuple[str, ...] = _setting(
        (),
        "Subjects of bearer tokens that stand for services, and their scopes, such as"
        " `system:serviceaccount:prod:login=sessions:read+sessions:write`.",
        read=pairs,
    )
    token_issuer: str = _setting("sojourn", "The `iss` of the access tokens that the service signs.")
    token_audience: str = _setting("sojourn", "The `aud` of those tokens, and what its own API asks of them.")
    token_algorithm: TokenAlgorithm = _setting(
        "EdDSA", "What new signing keys are for: `EdDSA` or `RS256`.", read=one_of(TokenAlgorithm)
    )
    access_expiry: timedelta = _setting(
        timedelta(minutes=15),
        "How long an access token lives, unless the tenant has set its own lifetime.",
        read=parse_duration,
    )
    refresh_expiry: timedelta = _setting(
        timedelta(hours=168), "The same for a refresh token; it never outlives its session.", read=parse_duration
    )
    refresh_secret: str | None = _setting(
        None,
        "Protects refresh tokens and signing keys, at least 32 bytes; unset: the file `<database>.key`.",
        secret=True,
    )
    refresh_secret_previous: str | None = _setting(
        None, "What the secret was before, or will be next: what it protects is good beside it.", secret=True
    )
    refresh_reuse_interval: timedelta = _setting(
        timedelta(seconds=10), "How long an exchanged refresh token still gets the same successor.", read=parse_duration
    )
    refresh_limit: int = _setting(
        120, "How many refreshes a session has per minute, in each process.", read=whole_number
    )
    idle_timeout: timedelta = _setting(
        timedelta(hours=4), "A session ends after this long without activity.", read=parse_duration
    )
    absolute_timeout: timedelta = _setting(
        timedelta(hours=24),
        "A session ends this long after it was created, whatever happens.",
        read=parse_duration,
    )
    sign_in_max_age: timedelta = _setting(
        timedelta(minutes=5),
        "How long after a sign-in the provider's token opens a session or raises its assurance.",
        read=parse_duration,
    )
    touch_interval: timedelta = _setting(
        timedelta(seconds=1),
        "How long an activity may wait to be written with others; `0s`: not at all.",
        read=parse_duration,
    )
    touch_batch: int = _setting(1000, "How many waiting activities are written before their time.", read=whole_number)
    device_trust_window: timedelta = _setting(
        timedelta(hours=720), "How long trust in a device lasts.", read=parse_duration
    )
    event_retention: timedelta = _setting(
        timedelta(hours=168),
        "How long events are kept for those who read them; a cursor that is older is refused.",
        read=parse_duration,
    )
    stream_max_age: timedelta = _setting(
        timedelta(minutes=5),
        "How long a stream of events lasts at most; then the reader opens another one, at whichever process.",
        read=parse_duration,
    )
    webhook_allow: tuple[str, ...] = _setting(
        (),
        "Hosts and networks that webhooks may lead to beside public addresses, also by http.",
        read=hosts_and_networks,
    )
    session_retention: timedelta = _setting(
        timedelta(hours=720),
        "How long ended sessions are kept, so that administrators can see them.",
        read=parse_duration,
    )
    risk_challenge_at: int = _setting(
        50, "The risk score, 1 to 100, from which a challenge is recommended.", read=whole_number
    )
    risk_revoke_at: int = _setting(
        80, "The risk score, up to 100, from which revoking is recommended; more than the one above.", read=whole_number
    )
    max_sessions_per_user: int = _setting(
        1000, "How many active sessions a user may have; for one more, the one idle longest ends.", read=whole_number
    )
    max_trusted_devices: int = _setting(
        100, "How many devices a user may trust; for one more, the one unused longest is forgotten.", read=whole_number
    )
    max_blacklist_entries: int = _setting(
        100, "How many tokens a user may have blacklisted at a time; one more is 429.", read=whole_number
    )
    max_webhooks: int = _setting(1000, "How many webhooks a tenant may have; one more is 409.", read=whole_number)
    max_tenants: int = _setting(
        10_000,
        "How many tenants are created on first use; `sojourn tenant create` makes more.",
        read=whole_number,
    )
    api_key_guesses: int = _setting(
        300,
        "How many wrong API keys an address may send per minute; then they are 429. `0`: no limit.",
        read=whole_number,
    )
    tenants_provisioned: bool = _setting(
        False, "Whether tenants must be created by hand; else they are created on first use.", read=truth
    )
    geoip_database: str | None = _setting(None, "File in MaxMind format (city level) that tells where an address is.")
    asn_database: str | None = _setting(
        None, "File in MaxMind format (ASN level) that tells which network an address is in, and who runs it."
    )
    public_url: str | None = _setting(
        None,
        "Where clients see the service; makes problem types absolute, and lets access tokens name a status list.",
        read=public_url,
    )
    base_path: str = _setting("/", "The path below which the operations are mounted.", read=base_path)
    cors_origins: tuple[str, ...] = _setting(
        (),
        "Origins whose pages may call from a browser (CORS), comma-separated, such as `https://app.example.com`.",
        read=origins,
    )
    console_issuer: str | None = _setting(
        None, "The issuer at which people sign in to `/console` and `/account` (OpenID Connect).", read=issuer
    )
    console_client_id: str | None = _setting(
        None, "The id under which that issuer knows the two pages: a public client, authorization code with PKCE."
    )
    console_scope: str = _setting("openid", "The scopes that the pages ask it for, separated by spaces.")
    environment: Environment = _setting(
        "production",
        "`production`, or `development` to show refused values in problems.",
        read=one_of(Environment),
    )
    response_validation: ResponseValidation = _setting(
        "log",
        "What happens to a response that breaks the contract: `off`, `log` or `enforce` (500).",
        read=one_of(ResponseValidation),
    )
    allow_row_security_bypass: bool = _setting(
        False, "Whether the role of PostgreSQL may be one to which row security does not apply.", read=truth
    )
    host: str = _setting("127.0.0.1", "The address to listen on.")
    port: int = _setting(8080, "The port to listen on; 0 takes any free one.", read=whole_number)
    internal_port: int | None = _setting(
        None,
        "The port at which alone internal and administrative operations answer; unset: the same as all others.",
        read=whole_number,
    )
    behind_proxy: bool = _setting(
        False, "Whether a proxy ends TLS; if so, the server may listen beyond this machine without TLS.", read=truth
    )
    tls_certificate: str | None = _setting(None, "File with the certificate chain (PEM) to serve HTTPS with.")
    tls_key: str | None = _setting(None, "File with its private key, readable by its owner only.")
    metrics_port: int | None = _setting(
        None, "The port of `/metrics` for Prometheus; unset: nothing listens, 0 takes any free one.", read=whole_number
    )
    metrics_host: str = _setting("127.0.0.1", "The address of that listener; it asks for no credentials.")
    workers: int = _setting(1, "How many processes serve; `auto`: one for each core.", read=processes)
    log_format: LogFormat = _setting(
        "text", "`text` for people, `json` for programs (one object a line).", read=one_of(LogFormat)
    )
    log_level: LogLevel = _setting(
        "info", "`debug`, `info` (one line a request), `warning` or `error`.", read=one_of(LogLevel)
    )
    busy_timeout: timedelta = _setting(
        timedelta(seconds=5), "How long a write waits for a locked database before it is 503.", read=parse_duration
    )
    head_timeout: timedelta = _setting(
        timedelta(seconds=10),
        "How long the head of a request may take to arrive before it is 408.",
        read=parse_duration,
    )
    body_timeout: timedelta = _setting(
        timedelta(seconds=30), "How long a request body may take to arrive before it is 408.", read=parse_duration
    )
    write_timeout: timedelta = _setting(
        timedelta(seconds=30),
        "How long a client may take to read a response before its connection is closed.",
        read=parse_duration,
    )
    max_connections: int = _setting(
        10_000, "How many connections a process holds at most; beyond it clients get 503.", read=whole_number
    )
    drain_time: timedelta = _setting(
        timedelta(seconds=2),
        "How long after SIGTERM requests are still served while `/health/ready` is 503 already.",
        read=parse_duration,
    )
    shutdown_timeout: timedelta = _setting(
        timedelta(seconds=10),
        "How long requests in flight may take to finish then.",
        read=parse_duration,
    )
    max_body_bytes: int = _setting(65536, "The largest request body.", read=whole_number)
    max_uri_bytes: int = _setting(8192, "The longest path and query together.", read=whole_number)
    max_header_bytes: int = _setting(16384, "The largest header section.", read=whole_number)
    max_json_depth: int = _setting(32, "How deep arrays and objects of a body may nest.", read=whole_number)
    max_json_digits: int = _setting(64, "How many characters a number in a body may have.", read=whole_number)

    def __post_init__(self) -> None:
        problems = _contradictions(self)
        if problems:
            raise SettingsError(problems)

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **flags: Any) -> "Settings":
        """The settings of an environment. `flags` win over it when they are not None; texts are read alike.

        Raises SettingsError with every problem at once.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for item in fields(cls):
            given = flags.pop(item.name, None)
            source = "--" + item.name.replace("_", "-") if given is not None else variable(item.name)
            given = environ.get(variable(item.name)) if given is None else given
            if given is None or (given == "" and source.startswith(PREFIX)):
                continue
            try:
                values[item.name] = item.metadata["read"](given) if isinstance(given, str) else given
            except ValueError as error:
                problems.append(f"{source}: {error}" if not item.metadata["secret"] else f"{source}: cannot be read")
        if flags:
            raise TypeError(f"no such settings: {', '.join(flags)}")
        try:
            settings = cls(**values)
        except SettingsError as error:
            problems.extend(error.problems)
        if problems:
            raise SettingsError(problems)
        return settings

    def to_environ(self) -> dict[str, str]:
        """The environment that `from_env` reads back as these settings: how worker processes get them."""
        return {
            variable(item.name): written(getattr(self, item.name))
            for item in fields(self)
            if getattr(self, item.name) not in (None, ())
        }

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms a bearer token may be signed with."""
        if self.jwt_algorithms:
            return frozenset(self.jwt_algorithms)
        symmetric = {"HS256"} if self.jwt_secret is not None else set()
        return frozenset(symmetric | ({"RS256", "ES256", "EdDSA"} if self.has_key_sets else set()))

    @property
    def has_key_sets(self) -> bool:
        """Whether bearer tokens may be signed with keys that somebody publishes."""
        return self.jwt_jwks is not None or bool(self.oidc_issuer)

    @property
    def link_prefix(self) -> str:
        """What stands before `/problems/...` in a type: the public URL if known, else the base path."""
        return self.public_url or self.base_path.rstrip("/")

    @property
    def may_bypass_row_security(self) -> bool:
        """Whether a role of PostgreSQL that row security does not hold is only warned of."""
        return self.allow_row_security_bypass or self.development

    @property
    def development(self) -> bool:
        """Whether problems may show the values that were refused."""
        return self.environment == "development"


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def table() -> list[tuple[str, str, str]]:
    """Each setting's variable, default and meaning, in order: what README and `--help` print."""
    return [
        (
            variable(item.name),
            "" if item.default in (None, ()) else written(item.default),
            item.metadata["about"],
        )
        for item in fields(Settings)
    ]


GATEWAY = PREFIX + "GATEWAY_"
"""How the variables of `sojourn gateway` begin, which is a process of its own."""


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each `SOJOURN_*` variable that is no setting: most likely a slip of the pen."""
    known = [variable(item.name) for item in fields(Settings)]
    also = {PREFIX + "CONFIG", *(variable(item.name) + "_FILE" for item in fields(Settings) if item.metadata["secret"])}
    sentences = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and name not in also and not name.startswith(GATEWAY):
            close = difflib.get_close_matches(name, known, 1)
            sentences.append(f"{name} is not a setting" + (f"; did you mean {close[0]}?" if close else ""))
    return sentences


def written(value: Any) -> str:
    """The text of a value, as `from_env` reads it back; "" for what is not set."""
    if value is None:
        return ""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


_SECRET_BYTES = 32
_LEAST_STALE_LIMIT = timedelta(minutes=10)
_POSITIVE = (
    "idle_timeout", "absolute_timeout", "sign_in_max_age", "device_trust_window", "head_timeout", "body_timeout",
    "write_timeout", "max_connections", "workers", "access_expiry", "refresh_expiry", "refresh_limit",
    "max_body_bytes", "max_uri_bytes", "max_header_bytes",
    "max_json_depth", "max_json_digits", "database_pool", "touch_batch",
    "max_sessions_per_user", "max_trusted_devices", "max_blacklist_entries", "max_tenants", "max_webhooks",
    "event_retention", "stream_max_age",
)  # fmt: skip


def _contradictions(settings: Settings) -> list[str]:
    """What is wrong with values that each can be read."""
    problems = [f"{variable(name)}: must be more than 0" for name in _POSITIVE if not getattr(settings, name)]
    if settings.port > 65535:
        problems.append(f"{variable('port')}: {settings.port} is no port")
    if settings.metrics_port is not None and settings.metrics_port > 65535:
        problems.append(f"{variable('metrics_port')}: {settings.metrics_port} is no port")
    if settings.internal_port is not None and settings.internal_port > 65535:
        problems.append(f"{variable('internal_port')}: {settings.internal_port} is no port")
    elif settings.internal_port and settings.internal_port in (settings.port, settings.metrics_port):
        problems.append(f"{variable('internal_port')}: {settings.internal_port} is another listener's port")
    if settings.idle_timeout > settings.absolute_timeout:
        problems.append(f"{variable('idle_timeout')}: must not be longer than {variable('absolute_timeout')}")
    if not 1 <= settings.risk_challenge_at < settings.risk_revoke_at <= HIGHEST:
        problems.append(
            f"{variable('risk_challenge_at')}: must be at least 1 and below {variable('risk_revoke_at')},"
            f" and that at most {HIGHEST}"
        )
    if not settings.database_url.startswith(("sqlite:///", "postgresql://")):
        problems.append(f"{variable('database_url')}: must begin with sqlite:/// or postgresql://")
    elif settings.database_url.startswith("postgresql://") and not names_ports(settings.database_url):
        problems.append(f"{variable('database_url')}: names a port that is no number")
    elif settings.refresh_secret is None and not settings.database_url.startswith("sqlite:///"):
        problems.append(f"{variable('refresh_secret')}: PostgreSQL has no file to keep it beside; every copy needs it")
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        problems.append(f"{variable('tls_certificate')}: {variable('tls_key')} belongs to it; set both or none")
    if (settings.console_issuer is None) != (settings.console_client_id is None):
        problems.append(
            f"{variable('console_issuer')}: {variable('console_client_id')} belongs to it; set both or none"
        )
    if settings.environment == "production":
        problems += weaknesses(settings)
    return problems + _token_contradictions(settings)


def _token_contradictions(settings: Settings) -> list[str]:
    problems = []
    for name in settings.jwt_algorithms:
        if name not in ALGORITHMS:
            problems.append(f"{variable('jwt_algorithms')}: {name!r} is not one of {', '.join(ALGORITHMS)}")
        elif name in SYMMETRIC and settings.jwt_secret is None:
            problems.append(f"{variable('jwt_algorithms')}: {name} needs {variable('jwt_secret')}")
        elif name in ASYMMETRIC and not settings.has_key_sets:
            problems.append(
                f"{variable('jwt_algorithms')}: {name} needs {variable('oidc_issuer')} or {variable('jwt_jwks')}"
            )
    if settings.jwt_tenant is not None and not is_tenant_id(settings.jwt_tenant):
        problems.append(f"{variable('jwt_tenant')}: {settings.jwt_tenant!r} is not a tenant id")
    if settings.jwt_jwks_stale_limit < _LEAST_STALE_LIMIT:
        problems.append(f"{variable('jwt_jwks_stale_limit')}: must be at least {format_duration(_LEAST_STALE_LIMIT)}")
    for name in ("refresh_secret", "refresh_secret_previous"):
        secret = getattr(settings, name)
        if secret is not None and len(secret.encode()) < _SECRET_BYTES:
            problems.append(f"{variable(name)}: is shorter than {_SECRET_BYTES} bytes")
    problems += _subject_contradictions(settings)
    needed = minimum_secret_bytes(settings.algorithms)
    for name in ("jwt_secret", "jwt_secret_previous"):
        secret = getattr(settings, name)
        if secret is not None and len(secret.encode()) < needed:
            problems.append(f"{variable(name)}: is shorter than {needed} bytes (RFC 7518 §3.2)")
    if settings.jwt_secret_previous is not None and settings.jwt_secret is None:
        problems.append(f"{variable('jwt_secret_previous')}: needs {variable('jwt_secret')}")
    return problems


def _subject_contradictions(settings: Settings) -> list[str]:
    try:
        subjects = service_subjects(settings.service_subjects)
    except ValueError as error:
        return [f"{variable('service_subjects')}: {error}"]
    sources = len(settings.oidc_issuer) + (settings.jwt_jwks is not None) + (settings.jwt_secret is not None)
    anywhere = [subject.name for subject in subjects if subject.issuer is None]
    if subjects and not sources:
        return [f"{variable('service_subjects')}: needs an issuer of bearer tokens"]
    if anywhere and sources > 1:
        return [
            f"{variable('service_subjects')}: {anywhere[0]!r}: say of which issuer, as https://issuer|subject=scope"
        ]
    return []
