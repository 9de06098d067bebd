"""The settings of one server as one frozen value.

Each field carries its own description and bounds; the README's table of environment variables is made from them.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

# Marks a field whose value must not be shown; "url" hides only the password inside an address, "parts" what the fields
# of its own tables mark.
SECRET = {"secrecy": "all"}
SECRET_IN_URL = {"secrecy": "url"}
SECRET_IN_PARTS = {"secrecy": "parts"}


# Goes into every access token, which has to stay short.
_NAME = "^[ -~]{1,100}$"


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the sections; prints its name only, so that no secret reaches a log by way of a traceback."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Give rich no field either; msgspec's own gives it all."""
        return []


Port = Annotated[int, Meta(ge=1, le=65_535)]
PositiveSeconds = Annotated[float, Meta(gt=0, le=86_400)]
Rate = Annotated[int, Meta(ge=1, le=1_000_000)]
MAX_TOKENS = 1_000_000_000
Tokens = Annotated[int, Meta(ge=0, le=MAX_TOKENS)]


class ServerConfig(Section, frozen=True, kw_only=True):
    """Where and how the HTTP server listens."""

    host: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port to listen on.")] = 8080
    workers: Annotated[int, Meta(ge=1, le=64, description="Worker processes.")] = 1
    drain_seconds: Annotated[
        float, Meta(ge=0, le=3_600, description="How long running answers may go on after SIGTERM.")
    ] = 30
    heartbeat_seconds: Annotated[
        PositiveSeconds, Meta(description="Silence after which a stream sends a heartbeat, for proxies that time out.")
    ] = 15
    allowed_origins: Annotated[
        tuple[str, ...],
        Meta(
            description="Web origins, besides the server's own, whose pages may call the API and use the refresh "
            "cookie; `*` for all, without the cookie and not in prod."
        ),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks (CIDR) of proxies whose `X-Forwarded-For` is believed."),
    ] = ()


class DbConfig(Section, frozen=True, kw_only=True):
    """PostgreSQL."""

    url: Annotated[
        str, Meta(description="PostgreSQL address, `postgresql://user:password@host/name`.", extra=SECRET_IN_URL)
    ] = ""
    pool_size: Annotated[int, Meta(ge=1, le=200, description="Connections for each worker, at most.")] = 10


class RedisConfig(Section, frozen=True, kw_only=True):
    """Redis."""

    url: Annotated[
        str,
        Meta(
            description="Redis address, `redis://host:6379/0`, `rediss://` or `unix://`, not of a node of a cluster, "
            "by which all processes share their limits and the turns at the model server; without it each keeps a "
            "part.",
            extra=SECRET_IN_URL,
        ),
    ] = ""
    timeout: Annotated[
        PositiveSeconds,
        Meta(description="Seconds that a request waits for Redis before each process limits by itself."),
    ] = 0.2


class JwtConfig(Section, frozen=True, kw_only=True):
    """The secrets from which every token's key is derived."""

    secret: Annotated[
        str, Meta(description="Secret of at least 32 bytes from which token keys are derived.", extra=SECRET)
    ] = ""
    previous_secrets: Annotated[
        tuple[str, ...], Meta(description="Earlier secrets whose tokens are still accepted.", extra=SECRET)
    ] = ()
    access_minutes: Annotated[int, Meta(ge=1, le=60, description="Minutes that an access token lives.")] = 10
    issuer: Annotated[str, Meta(pattern=_NAME, description="The `iss` of access tokens.")] = "deepersensor"
    audience: Annotated[str, Meta(pattern=_NAME, description="The `aud` of access tokens.")] = "deepersensor"


class AuthConfig(Section, frozen=True, kw_only=True):
    """Accounts, passwords and sessions."""

    signup: Annotated[bool, Meta(description="Whether anybody may create an account.")] = True
    password_min_length: Annotated[int, Meta(ge=8, le=128, description="Characters that a new password must have.")] = 8
    argon2_memory_kib: Annotated[
        int, Meta(ge=8, le=1_048_576, description="Argon2id memory in KiB; fewer than 19456 is refused in prod.")
    ] = 19_456
    argon2_time_cost: Annotated[int, Meta(ge=1, le=16, description="Argon2id passes.")] = 2
    session_idle_days: Annotated[int, Meta(ge=1, le=365, description="Days after which an unused session ends.")] = 14
    session_days: Annotated[int, Meta(ge=1, le=3_650, description="Days after which any session ends.")] = 30


class ModelServer(Section, frozen=True, kw_only=True):
    """One of several model servers."""

    name: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$",
            description="What logs and metrics call it: up to 32 small letters, digits, dots and dashes.",
        ),
    ]
    kind: Annotated[Literal["ollama", "openai"], Meta(description="`ollama`, or `openai` for any compatible server.")]
    url: Annotated[str, Meta(description="Its address.", extra=SECRET_IN_URL)]
    api_key: Annotated[str, Meta(description="Key that is sent to it as bearer token, if any.", extra=SECRET)] = ""
    weight: Annotated[float, Meta(gt=0, le=1_000, description="How much more it gets than its part.")] = 1
    parallel: Annotated[
        int, Meta(ge=0, le=100_000, description="Answers that it works on at once; 0: as `model.parallel` says.")
    ] = 0
    num_ctx: Annotated[
        int, Meta(ge=0, le=16_777_216, description="Ollama's context to load models with; 0 leaves it to Ollama.")
    ] = 0


class ModelConfig(Section, frozen=True, kw_only=True):
    """Which kind of model server answers, and how long it may take."""

    provider: Annotated[
        Literal["ollama", "openai", "scripted"],
        Meta(description="Kind of model server: `ollama`, `openai` (any compatible server) or `scripted` (a demo)."),
    ] = "ollama"
    servers: Annotated[
        tuple[ModelServer, ...],
        Meta(
            description="Several model servers in place of that one, as tables of the file or as JSON (see below).",
            extra=SECRET_IN_PARTS,
        ),
    ] = ()
    connect_timeout: Annotated[PositiveSeconds, Meta(description="Seconds to connect to the model server.")] = 5
    first_token_timeout: Annotated[
        PositiveSeconds, Meta(description="Seconds to the first token, loading the model included.")
    ] = 600
    idle_timeout: Annotated[PositiveSeconds, Meta(description="Seconds between two pieces of an answer.")] = 300
    titles: Annotated[
        Literal["words", "model"],
        Meta(
            description="What new conversations are called: `words` of the question, or what the `model` makes of it."
        ),
    ] = "words"
    attempts: Annotated[
        int, Meta(ge=1, le=10, description="Tries for each answer, as long as nothing of it has arrived.")
    ] = 3
    parallel: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Answers that it works on at once, as it was told itself (Ollama: `OLLAMA_NUM_PARALLEL`, "
            "llama.cpp: `--parallel`); the others wait here, where users take turns.",
        ),
    ] = 4
    queue: Annotated[
        int, Meta(ge=0, le=100_000, description="Answers that may wait for it; more than these are refused.")
    ] = 256
    allowed: Annotated[
        tuple[str, ...],
        Meta(description="Models that may be used, by name or pattern such as `llama3*`; none named, all may."),
    ] = ()
    allowed_for_users: Annotated[
        tuple[str, ...], Meta(description="Those of them that users who are no administrators may use, likewise.")
    ] = ()


class OllamaConfig(Section, frozen=True, kw_only=True):
    """Ollama's native API."""

    url: Annotated[str, Meta(description="Address of the Ollama server.", extra=SECRET_IN_URL)] = (
        "http://127.0.0.1:11434"
    )
    num_ctx: Annotated[
        int,
        Meta(ge=0, le=16_777_216, description="Tokens of context to load models with; 0 leaves it to Ollama."),
    ] = 0


class OpenAIConfig(Section, frozen=True, kw_only=True):
    """A server that speaks OpenAI's chat completions."""

    url: Annotated[
        str,
        Meta(description="Address of the OpenAI-compatible server, with or without `/v1`.", extra=SECRET_IN_URL),
    ] = "http://127.0.0.1:8000"
    api_key: Annotated[str, Meta(description="Key that is sent to it as bearer token, if any.", extra=SECRET)] = ""


class LimitsConfig(Section, frozen=True, kw_only=True):
    """How often whom is let in: so many at once, and then so many in a time."""

    enabled: Annotated[bool, Meta(description="Whether anybody is ever refused for asking too often.")] = True
    anonymous_per_minute: Annotated[
        Rate, Meta(description="Requests of an address (IPv6: of a /64) without a valid token, in a minute.")
    ] = 120
    anonymous_burst: Annotated[Rate, Meta(description="As many of these are let in at once.")] = 120
    user_per_minute: Annotated[Rate, Meta(description="Requests of a user in a minute.")] = 600
    user_burst: Annotated[Rate, Meta(description="As many of these are let in at once.")] = 300
    key_per_minute: Annotated[
        Rate, Meta(description="Requests with an API key in a minute; they are requests of its user, too.")
    ] = 300
    key_burst: Annotated[Rate, Meta(description="As many of these are let in at once.")] = 150
    password_per_minute: Annotated[
        Rate, Meta(description="Requests with a password, right or wrong, of an address or a user, in a minute.")
    ] = 30
    password_burst: Annotated[Rate, Meta(description="As many of these are let in at once.")] = 30
    login_tries: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000,
            description="Wrong passwords for an account from one address, in 15 minutes; twice as many in an hour, "
            "four times as many in a day.",
        ),
    ] = 5
    user_tokens_per_day: Annotated[
        Tokens,
        Meta(description="Tokens that models may read and write for a user in a day; 0: any number."),
    ] = 0
    key_tokens_per_day: Annotated[
        Tokens,
        Meta(description="Those of them that an API key may spend, likewise."),
    ] = 0
    answers_per_user: Annotated[
        int,
        Meta(ge=0, le=100_000, description="Answers of a user in the making at once, waiting ones included; 0: any."),
    ] = 16
    admin_weight: Annotated[
        int, Meta(ge=1, le=10, description="Turns that an administrator gets where a user gets one.")
    ] = 2


class LogConfig(Section, frozen=True, kw_only=True):
    """Logs on standard output."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Least severe level that is written: `debug`, `info`, `warning`, `error`."),
    ] = "info"
    format: Annotated[Literal["json", "console"], Meta(description="`json` for machines, `console` for people.")] = (
        "json"
    )


class MetricsConfig(Section, frozen=True, kw_only=True):
    """Metrics for Prometheus, on a listener of their own."""

    host: Annotated[
        str, Meta(min_length=1, description="Address on which `/metrics` is served; not one of the internet's.")
    ] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="Port of `/metrics`, for all workers together; 0: no metrics.")
    ] = 9464


class TracingConfig(Section, frozen=True, kw_only=True):
    """Traces, sent to a collector by OTLP over HTTP."""

    endpoint: Annotated[
        str,
        Meta(
            description="Address of the collector, such as `http://127.0.0.1:4318`; `/v1/traces` is added where it has "
            "no path. Without it nothing is traced.",
            extra=SECRET_IN_URL,
        ),
    ] = ""
    headers: Annotated[
        tuple[str, ...],
        Meta(description="Headers for the collector, `name=value` each.", extra=SECRET),
    ] = ()
    sample_ratio: Annotated[
        float, Meta(ge=0, le=1, description="Part of all traces that is kept, where no caller has decided.")
    ] = 1.0
    callers: Annotated[
        Literal["link", "parent"],
        Meta(
            description="What the `traceparent` of a caller is to the trace of its request: a `link`, or its `parent`, "
            "which also decides whether it is kept; that is for callers who are no strangers."
        ),
    ] = "link"


class AppConfig(Section, frozen=True, kw_only=True):
    """Every setting of one server, read once at the start."""

    profile: Annotated[
        Literal["dev", "prod"], Meta(description="`prod` refuses unsafe settings; `dev` is for one machine.")
    ] = "prod"
    server: ServerConfig = ServerConfig()
    db: DbConfig = DbConfig()
    redis: RedisConfig = RedisConfig()
    jwt: JwtConfig = JwtConfig()
    auth: AuthConfig = AuthConfig()
    model: ModelConfig = ModelConfig()
    ollama: OllamaConfig = OllamaConfig()
    openai: OpenAIConfig = OpenAIConfig()
    limits: LimitsConfig = LimitsConfig()
    log: LogConfig = LogConfig()
    metrics: MetricsConfig = MetricsConfig()
    tracing: TracingConfig = TracingConfig()
