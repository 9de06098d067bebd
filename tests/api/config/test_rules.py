"""What a server refuses to start with."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.config import AppConfig, ConfigError, load_config, required_to_serve
from deeper_api.config.sections import ModelServer
from tests.api.config.values import SETTINGS

GOOD = "0f9b4c7d2e8a61537092bd4e8f6c1a35"


def faults(**given: object) -> list[str]:
    keys = {name.replace("__", "."): value for name, value in given.items()}
    try:
        load_config(overrides=keys, environment={}, directory=Path("/nonexistent"))
    except ConfigError as error:
        return error.faults
    return []


@pytest.mark.parametrize("profile", ["dev", "prod"])
@given(secret=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40))
def test_a_secret_has_at_least_32_bytes_in_every_profile(profile: str, secret: str):
    short = "DEEPER_JWT_SECRET: must have at least 32 bytes" in faults(profile=profile, jwt__secret=secret)
    assert short == (len(secret.encode()) < 32)


def test_a_previous_secret_that_is_too_short_is_named_by_its_place():
    found = faults(jwt__secret=GOOD, jwt__previous_secrets=(GOOD, GOOD[1:]))
    assert found == ["DEEPER_JWT_PREVIOUS_SECRETS[1]: must have at least 32 bytes"]


@pytest.mark.parametrize("secret", ["changeme-changeme-changeme-change", "abcdefghijklmnopqrstuvwxyz-98765"])
def test_a_secret_that_looks_like_a_placeholder_is_refused_in_prod_only(secret: str):
    [fault] = faults(profile="prod", jwt__secret=secret)
    assert fault.startswith("DEEPER_JWT_SECRET: looks like a placeholder")
    assert secret not in fault
    assert faults(profile="dev", jwt__secret=secret) == []


def test_a_previous_secret_that_looks_like_a_placeholder_is_refused_too():
    [fault] = faults(profile="prod", jwt__secret=GOOD, jwt__previous_secrets=("changeme-" * 4,))
    assert fault.startswith("DEEPER_JWT_PREVIOUS_SECRETS[0]: looks like a placeholder")


def test_a_secret_with_a_comma_could_not_become_a_previous_one():
    assert faults(jwt__secret=GOOD + ",") == [
        "DEEPER_JWT_SECRET: must not hold a comma, which separates previous secrets"
    ]


def test_a_secret_that_is_no_text_is_refused():
    assert faults(jwt__secret="\udcff" + GOOD) == ["DEEPER_JWT_SECRET: must be text in UTF-8"]


@pytest.mark.parametrize(("key", "scheme"), [("db.url", "postgresql"), ("redis.url", "redis")])
def test_a_weak_password_in_an_address_is_refused_in_prod_only(key: str, scheme: str):
    address = {key: f"{scheme}://deeper:deeper@host/0"}
    assert faults(profile="prod", **address) == [
        f"{SETTINGS[key].variable}: its password is the user's name or looks like a placeholder; draw one"
    ]
    assert faults(profile="dev", **address) == []


@pytest.mark.parametrize(("memory", "passes"), [(19_455, 2), (19_456, 1), (8, 1)])
def test_cheap_password_hashing_is_refused_in_prod_only(memory: int, passes: int):
    cheap = {"auth__argon2_memory_kib": memory, "auth__argon2_time_cost": passes}
    [fault] = faults(profile="prod", **cheap)
    assert "DEEPER_AUTH_ARGON2_MEMORY_KIB" in fault
    assert faults(profile="dev", **cheap) == []


@pytest.mark.parametrize("url", ["postgres:wrong", "mysql://me@host/deeper", "host/deeper"])
def test_a_database_of_another_kind_is_refused(url: str):
    assert faults(db__url=url) == ["DEEPER_DB_URL: must be an address that starts with postgresql://"]


@pytest.mark.parametrize("url", ["postgresql://me@host/deeper", "postgres:///deeper?host=/run", "host=h dbname=d"])
def test_each_way_of_naming_a_postgresql_is_accepted(url: str):
    assert faults(db__url=url) == []


def test_every_fault_of_the_whole_is_named_at_once():
    found = faults(
        profile="prod",
        jwt__secret="x",
        auth__argon2_time_cost=1,
        redis__url="nonsense",
        ollama__url="ftp://h",
        server__allowed_origins=("*",),
    )
    assert len(found) == 6


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("ollama.url", "http://127.0.0.1:11434"),
        ("ollama.url", "https://user:pass@models.example/behind/a/path"),
        ("ollama.url", "http://[::1]:11434"),
        ("openai.url", "https://api.example"),
        ("redis.url", "redis://:pass@h:6379/0"),
        ("redis.url", "rediss://h"),
        ("redis.url", "redis://h?db=3"),
        ("redis.url", f"rediss://h/0?ssl_ca_certs={quote(__file__)}&ssl_cert_reqs=required&ssl_check_hostname=false"),
        ("redis.url", "unix:///run/redis.sock"),
        ("redis.url", "unix:///run/redis.sock?db=3"),
        ("redis.url", ""),
    ],
)
def test_addresses_that_can_be_used_are_accepted(key: str, url: str):
    assert faults(**{key: url}) == []


@pytest.mark.parametrize("key", ["ollama.url", "openai.url", "redis.url"])
@pytest.mark.parametrize(
    "url",
    ["h", "h:80", "//h", "ftp://h", "http:h", "http://", "http://:80", "http://h:x", "http://h:99999", "http://[::1"],
)
def test_addresses_that_cannot_be_used_are_refused_by_name(key: str, url: str):
    [fault] = faults(**{key: url.replace("http:", "redis:") if key == "redis.url" else url})
    assert fault.startswith(SETTINGS[key].variable)


def test_the_address_of_the_model_server_that_is_used_cannot_be_empty():
    words = "must be an address that starts with http:// or https://"
    assert faults(ollama__url="") == [f"DEEPER_OLLAMA_URL: {words}"]
    assert faults(openai__url="", model__provider="openai") == [f"DEEPER_OPENAI_URL: {words}"]
    assert faults(openai__url="", ollama__url="", model__provider="scripted") == []
    servers = (ModelServer(name="a", kind="ollama", url="http://a"),)
    assert faults(openai__url="", ollama__url="", model__servers=servers) == []


@pytest.mark.parametrize("key", ["sk-é", "sk-1\nx", " \t"])
def test_a_key_that_fits_no_header_is_refused_without_being_shown(key: str):
    assert faults(openai__api_key=key) == ["DEEPER_OPENAI_API_KEY: must be printable ASCII"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://h/deeper", "a database is a number, as in redis://host:6379/0"),
        ("redis://h?db=x", "a database is a number, as in redis://host:6379/0"),
        ("redis://h?max_connections=5", "cannot have the option 'max_connections'"),
        ("redis://h?ssl_check_hostname=true", "cannot have the option 'ssl_check_hostname'"),
        ("rediss://h?ssl_cert_reqs=no", "ssl_cert_reqs is one of none, optional and required"),
        ("rediss://h?ssl_ca_certs=/nowhere/ca.crt", "ssl_ca_certs must be a file that exists"),
        ("rediss://h?ssl_keyfile=%00", "ssl_keyfile must be a file that exists"),
        ("unix://", "must name a socket, as in unix:///run/redis.sock"),
    ],
)
def test_what_the_client_of_redis_would_not_understand_is_refused(url: str, reason: str):
    assert faults(redis__url=url) == [f"DEEPER_REDIS_URL: {reason}"]


@given(st.sampled_from(["ollama.url", "openai.url", "redis.url", "server.allowed_origins"]), st.text())
def test_no_text_brings_the_rules_down(key: str, text: str):
    found = faults(**{key: (text,) if SETTINGS[key].is_list else text})
    assert all(SETTINGS[key].variable in fault for fault in found)


@pytest.mark.parametrize("origin", ["https://chat.example.com", "http://localhost:3000", "http://127.0.0.1"])
def test_origins_are_accepted(origin: str):
    assert faults(server__allowed_origins=(origin,)) == []


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "chat.example.com",
        "https://chat.example.com/",
        "https://chat.example.com/path",
        "https://chat.example.com?x",
        "https://Chat.example.com",
        "https://*.example.com",
        "https://user@chat.example.com",
        "file:///",
        "https://a.example https://b.example",
        "",
    ],
)
def test_what_a_browser_never_sends_as_an_origin_is_refused(origin: str):
    [fault] = faults(server__allowed_origins=(origin,))
    assert fault.startswith("DEEPER_SERVER_ALLOWED_ORIGINS: ")
    assert repr(origin) in fault


def test_a_server_needs_a_database_and_a_secret():
    missing = required_to_serve(AppConfig())
    assert [fault.split()[0] for fault in missing] == ["DEEPER_DB_URL", "DEEPER_JWT_SECRET"]


def test_with_both_it_can_serve():
    given = {"db.url": "postgresql://h/d", "jwt.secret": GOOD}
    config = load_config(overrides=given, environment={}, directory=Path("/nonexistent"))
    assert required_to_serve(config) == []


@pytest.mark.parametrize("proxy", ["10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "fc00::/7", "::1"])
def test_proxies_are_named_by_address_or_network(proxy: str):
    assert faults(server__trusted_proxies=(proxy,)) == []


@pytest.mark.parametrize("proxy", ["*", "nginx", "10.0.0.1/8", "10.0.0.0/33", ""])
def test_proxies_that_are_named_otherwise_are_refused(proxy: str):
    [fault] = faults(server__trusted_proxies=(proxy,))
    assert fault.startswith(f"DEEPER_SERVER_TRUSTED_PROXIES: {proxy!r} must be an address or a network")


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "::/0", "128.0.0.0/1", "10.0.0.0/7", "2000::/3"])
def test_everybody_is_no_proxy_in_prod(everybody: str):
    [fault] = faults(profile="prod", server__trusted_proxies=(everybody,))
    assert fault == f"DEEPER_SERVER_TRUSTED_PROXIES: {everybody} is so wide that strangers could claim any address"
    assert faults(profile="dev", server__trusted_proxies=(everybody,)) == []


def test_every_origin_is_allowed_in_dev_only():
    [fault] = faults(profile="prod", server__allowed_origins=("*",))
    assert fault == "DEEPER_SERVER_ALLOWED_ORIGINS: '*' would let every page there is call the API; name them"
    assert faults(profile="dev", server__allowed_origins=("*",)) == []
