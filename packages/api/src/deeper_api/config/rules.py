"""Which settings a server refuses to start with."""

import re
from collections import Counter
from ipaddress import ip_network
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from deeper_api.config.sections import AppConfig
from deeper_api.config.strength import has_weak_password, is_placeholder

# RFC 7518 section 3.2: a key for HS256 has at least as many bits as the hash.
SECRET_BYTES = 32
# OWASP's password storage cheat sheet: Argon2id with 19 MiB and two passes, or an equal trade.
ARGON2_MEMORY_KIB, ARGON2_TIME_COST = 19_456, 2
# The widest networks that are anybody's own: 10.0.0.0/8 and fc00::/7.
_WIDEST_PREFIXES = {4: 8, 6: 7}
# A name, which is a token of RFC 9110, and a value of printable ASCII.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+=[ -~]+")
_REDIS_SCHEMES = ("redis", "rediss", "unix")
_REDIS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_REDIS_OPTIONS = {"rediss": ("db", "ssl_check_hostname", "ssl_cert_reqs", *_REDIS_FILES)}


def unsafe(config: AppConfig) -> list[str]:
    """Return what is wrong with ``config`` as a whole, a sentence each; more is wrong in the profile ``prod``."""
    prod = _prod(config) if config.profile == "prod" else []
    return list(chain(_addresses(config), _model_servers(config), _secrets(config), prod))


def required_to_serve(config: AppConfig) -> list[str]:
    """Return which settings a server cannot do without, a sentence each."""
    faults: list[str] = []
    if not config.db.url:
        faults.append("DEEPER_DB_URL is missing: the address of a PostgreSQL database")
    if not config.jwt.secret:
        faults.append(
            f"DEEPER_JWT_SECRET is missing: at least {SECRET_BYTES} random bytes, as from `openssl rand -hex 32`"
        )
    return faults


def _addresses(config: AppConfig) -> list[str]:
    allowed = {
        "DEEPER_OLLAMA_URL": (config.ollama.url, ("http", "https")),
        "DEEPER_OPENAI_URL": (config.openai.url, ("http", "https")),
        "DEEPER_REDIS_URL": (config.redis.url, _REDIS_SCHEMES),
        "DEEPER_TRACING_ENDPOINT": (config.tracing.endpoint, ("http", "https")),
    }
    faults = (
        [] if _is_postgresql(config.db.url) else ["DEEPER_DB_URL: must be an address that starts with postgresql://"]
    )
    used = f"DEEPER_{config.model.provider}_URL".upper() if not config.model.servers else ""
    faults += [
        f"{variable}: must be an address that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}"
        for variable, (url, schemes) in allowed.items()
        if (url or variable == used) and not _is_url(url, schemes)
    ]
    faults += [f"DEEPER_REDIS_URL: {fault}" for fault in _redis(config.redis.url)]
    faults += [
        f"DEEPER_TRACING_HEADERS[{i}]: must be a header such as authorization=secret"
        for i, header in enumerate(config.tracing.headers)
        if not _HEADER.fullmatch(header)
    ]
    faults += [
        f"DEEPER_SERVER_ALLOWED_ORIGINS: {origin!r} must be an origin such as https://chat.example.com"
        for origin in config.server.allowed_origins
        if origin != "*" and not _is_origin(origin)
    ]
    faults += [
        f"DEEPER_SERVER_TRUSTED_PROXIES: {proxy!r} must be an address or a network such as 10.1.0.0/16"
        for proxy in config.server.trusted_proxies
        if not _is_network(proxy)
    ]
    return faults


def _model_servers(config: AppConfig) -> list[str]:
    servers = config.model.servers
    names, urls = Counter(server.name for server in servers), Counter(server.url for server in servers)
    faults = [f"two servers are called {name}" for name, count in names.items() if count > 1]
    # Each has a line of its own, which all processes know by its address.
    faults += [f"{server.name}: url is that of another, too" for server in servers if urls[server.url] > 1]
    for server in servers:
        if not _is_url(server.url, ("http", "https")):
            faults.append(f"{server.name}: url must be an address that starts with http:// or https://")
        if not _fits_a_header(server.api_key):
            faults.append(f"{server.name}: api_key must be printable ASCII")
        if server.num_ctx and server.kind != "ollama":
            faults.append(f"{server.name}: num_ctx is for servers of the kind ollama")
    return [f"DEEPER_MODEL_SERVERS: {fault}" for fault in faults]


def _is_postgresql(url: str) -> bool:
    """Return whether ``url`` looks like one of libpq's, or like its key-value form; the rest is for libpq to say."""
    return not url or url.startswith(("postgresql://", "postgres://")) or ("=" in url and "://" not in url)


def _redis(url: str) -> list[str]:
    """Return what is wrong with an address of Redis behind its scheme: all of it goes to the client as it is."""
    if not _is_url(url, _REDIS_SCHEMES):
        return []  # said already
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    known = _REDIS_OPTIONS.get(parts.scheme, ("db",))
    faults = [f"cannot have the option {name!r}" for name in options if name not in known]
    if parts.scheme == "unix" and not parts.path.strip("/"):
        faults.append("must name a socket, as in unix:///run/redis.sock")
    database = options.get("db", "" if parts.scheme == "unix" else parts.path.removeprefix("/"))
    if database and not (database.isascii() and database.isdigit()):
        faults.append("a database is a number, as in redis://host:6379/0")
    if options.get("ssl_cert_reqs", "required") not in {"none", "optional", "required"}:
        faults.append("ssl_cert_reqs is one of none, optional and required")
    faults += [f"{name} must be a file that exists" for name in _REDIS_FILES if not _exists(options.get(name))]
    return faults


def _exists(path: str | None) -> bool:
    try:
        return path is None or Path(path).exists()
    except (OSError, ValueError):  # too long, or with a NUL in it
        return False


def _is_url(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and (bool(parts.hostname) or parts.scheme == "unix") and (parts.port or 1) > 0
    except ValueError:  # a port that is no number, or brackets that do not close
        return False


def _is_origin(origin: str) -> bool:
    """Return whether a browser may send ``origin``: no user, no pattern, lower case, other scripts in Punycode."""
    if not _is_url(origin, ("http", "https")) or not origin.isascii() or set("@*\\ ") & set(origin):
        return False
    return origin == "{0.scheme}://{0.netloc}".format(urlsplit(origin)).lower()


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:  # or with bits behind its prefix, so that something else was meant
        return False
    return True


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _secrets(config: AppConfig) -> list[str]:
    faults = [] if _fits_a_header(config.openai.api_key) else ["DEEPER_OPENAI_API_KEY: must be printable ASCII"]
    for variable, secret in _token_secrets(config).items():
        try:
            short = len(secret.encode()) < SECRET_BYTES
        except UnicodeEncodeError:  # how Python hands on an environment that is none
            faults.append(f"{variable}: must be text in UTF-8")
            continue
        if secret and short:
            faults.append(f"{variable}: must have at least {SECRET_BYTES} bytes")
        if "," in secret:
            faults.append(f"{variable}: must not hold a comma, which separates previous secrets")
    return faults


def _token_secrets(config: AppConfig) -> dict[str, str]:
    """Return every secret whose tokens are believed, by the variable that it comes from."""
    previous = {f"DEEPER_JWT_PREVIOUS_SECRETS[{i}]": secret for i, secret in enumerate(config.jwt.previous_secrets)}
    return {"DEEPER_JWT_SECRET": config.jwt.secret, **previous}


def _prod(config: AppConfig) -> list[str]:
    faults = [
        f"{variable}: looks like a placeholder; draw one, as with `openssl rand -hex 32`"
        for variable, secret in _token_secrets(config).items()
        if secret and is_placeholder(secret)
    ]
    faults += [
        f"{variable}: its password is the user's name or looks like a placeholder; draw one"
        for variable, url in (("DEEPER_DB_URL", config.db.url), ("DEEPER_REDIS_URL", config.redis.url))
        if has_weak_password(url)
    ]
    if config.auth.argon2_memory_kib < ARGON2_MEMORY_KIB or config.auth.argon2_time_cost < ARGON2_TIME_COST:
        faults.append(
            f"DEEPER_AUTH_ARGON2_MEMORY_KIB and _TIME_COST: at least {ARGON2_MEMORY_KIB} and {ARGON2_TIME_COST} in prod"
        )
    if "*" in config.server.allowed_origins:
        faults.append("DEEPER_SERVER_ALLOWED_ORIGINS: '*' would let every page there is call the API; name them")
    faults += [
        f"DEEPER_SERVER_TRUSTED_PROXIES: {proxy} is so wide that strangers could claim any address"
        for proxy in config.server.trusted_proxies
        if _is_network(proxy) and (network := ip_network(proxy)).prefixlen < _WIDEST_PREFIXES[network.version]
    ]
    return faults
