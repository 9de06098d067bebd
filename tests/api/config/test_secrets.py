"""Secrets: where they may come from, and that they go nowhere else."""

import traceback
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from deeper_api.config import AppConfig, ConfigError, load_config, settings
from tests.api.config.values import SETTINGS

SECRET = "0f9b4c7d2e8a61537092bd4e8f6c1a35"
CANARY = "canary7q9z3x5v1b8n"
HIDDEN = [setting for setting in settings() if setting.secrecy == "all"]
URLS = [setting for setting in settings() if setting.secrecy == "url"]


def load(directory: Path, **environment: str) -> AppConfig:
    return load_config(environment=environment, directory=directory)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", " \n\n"])
def test_a_secret_can_be_read_from_a_file(tmp_path: Path, ending: str):
    (tmp_path / "secret").write_bytes((SECRET + ending).encode())
    assert load(tmp_path, DEEPER_JWT_SECRET_FILE=str(tmp_path / "secret")).jwt.secret == SECRET


@pytest.mark.parametrize("setting", list(settings()), ids=lambda setting: setting.key)
def test_every_setting_can_be_read_from_a_file(tmp_path: Path, setting):
    (tmp_path / "value").write_text("nonsense\x01")
    try:
        loaded = load(tmp_path, **{f"{setting.variable}_FILE": str(tmp_path / "value")})
    except ConfigError as error:
        assert error.faults[0].startswith(setting.variable)  # noqa: PT017  - either is right, by type
    else:
        assert loaded != AppConfig()


def test_a_list_of_secrets_in_a_file_is_separated_by_commas(tmp_path: Path):
    (tmp_path / "secrets").write_text(f"{SECRET}, {SECRET[::-1]}\n")
    loaded = load(tmp_path, DEEPER_JWT_PREVIOUS_SECRETS_FILE=str(tmp_path / "secrets"))
    assert loaded.jwt.previous_secrets == (SECRET, SECRET[::-1])


def test_a_variable_and_its_file_exclude_each_other(tmp_path: Path):
    (tmp_path / "secret").write_text(SECRET)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, DEEPER_JWT_SECRET=SECRET, DEEPER_JWT_SECRET_FILE=str(tmp_path / "secret"))
    assert caught.value.faults == ["DEEPER_JWT_SECRET_FILE: DEEPER_JWT_SECRET is set too; keep one of them"]


def test_a_file_named_by_the_environment_wins_over_a_value_in_dotenv(tmp_path: Path):
    (tmp_path / ".env").write_text(f"DEEPER_JWT_SECRET={SECRET[::-1]}\n")
    (tmp_path / "secret").write_text(SECRET)
    assert load(tmp_path, DEEPER_JWT_SECRET_FILE=str(tmp_path / "secret")).jwt.secret == SECRET


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_secret_file_that_cannot_be_read_is_a_fault(tmp_path: Path, content: bytes | None):
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^DEEPER_JWT_SECRET_FILE: '.*secret' cannot be read \([\w -]+\)$"):
        load(tmp_path, DEEPER_JWT_SECRET_FILE=str(path))


@pytest.mark.parametrize("setting", [*HIDDEN, *URLS], ids=lambda setting: setting.key)
@pytest.mark.parametrize("value", [CANARY, f"x://u:{CANARY}@h:x", f"{CANARY}," * 3, f"'{CANARY}"])
@pytest.mark.parametrize("layer", ["environment", ".env", "file with a wrong type", "file with a fault", "secret file"])
def test_no_fault_tells_a_secret(tmp_path: Path, setting, value: str, layer: str):
    environment: dict[str, str] = {"DEEPER_PROFILE": "prod", "DEEPER_NONSENSE": "a fault, in any case"}
    match layer:
        case "environment":
            environment[setting.variable] = value
        case ".env":
            (tmp_path / ".env").write_text(f'{setting.variable}="{value}"\n')
        case "file with a wrong type":
            (tmp_path / "deeper.toml").write_text(f'{setting.key} = [["{value}"]]\n')
        case "file with a fault":
            (tmp_path / "deeper.toml").write_text(f'{setting.key} = "{value}\n')
        case _:
            (tmp_path / "value").write_text(value)
            environment[f"{setting.variable}_FILE"] = str(tmp_path / "value")
    with pytest.raises(ConfigError) as caught:
        load_config(environment=environment, directory=tmp_path)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_no_representation_tells_a_secret(tmp_path: Path):
    config = load(tmp_path, DEEPER_JWT_SECRET=SECRET, DEEPER_DB_URL=f"postgresql://u:{CANARY}@h/d")
    shown = [show(value) for show in (repr, str, pretty_repr) for value in (config, config.jwt, config.db)]
    assert not any(word in text for word in (SECRET, CANARY) for text in shown)


@pytest.mark.parametrize("setting", HIDDEN, ids=lambda setting: setting.key)
def test_a_secret_is_shown_as_a_mask(setting):
    value = (SECRET, SECRET) if setting.is_list else SECRET
    assert setting.show(value) == "********"
    assert setting.show(setting.default) == ""


def test_everything_whose_name_speaks_of_a_secret_is_hidden():
    suspicious = {
        key for key in SETTINGS if any(word in key for word in ("secret", "api_key", "token_", "password.", "headers"))
    }
    assert suspicious - {"model.first_token_timeout"} == {setting.key for setting in HIDDEN}


@pytest.mark.parametrize("setting", URLS, ids=lambda setting: setting.key)
@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{CANARY}@host/db",
        f"redis://:{CANARY}@host:6379/0",
        f"postgresql://user:{CANARY}@@host/db",
        f"postgresql://user:a@{CANARY}@host/db",
        f"postgresql://user:a/{CANARY}@host/db",
        f"postgresql://user:a {CANARY}@host/db",
        f"postgresql://user:a:{CANARY}@host/db?application_name=x@y",
        f"postgresql://host/db?password={CANARY}&sslmode=require",
        f"postgresql://host/db?sslmode=require&sslpassword={CANARY}",
        f"https://host/v1?api_key={CANARY}",
        f"https://host/v1?x=y&api-key={CANARY}&z=1",
        f"https://host/v1?access_TOKEN={CANARY}",
        f"user:{CANARY}@host/db",
        f"//user:{CANARY}@host/db?sslmode=require",
        CANARY,
        f"host=h password={CANARY} dbname=d",
        f"host=h password=two {CANARY} dbname=d",
        f"host=h password = 'a {CANARY}' dbname=d",
        rf"host=h PASSWORD='a\' {CANARY}' dbname=d",
    ],
)
def test_an_address_is_shown_without_its_password(setting, url: str):
    assert CANARY not in setting.show(url)


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=4, max_size=20))
def test_no_password_in_an_address_is_shown_whatever_it_holds(password: str):
    shown = SETTINGS["db.url"].show(f"postgresql://someone:{password}@host:5432/name")
    assert shown == "postgresql://someone:********@host:5432/name"


@pytest.mark.parametrize("url", ["http://127.0.0.1:11434", "postgresql://user@host/db", "redis://host:6379/0", ""])
def test_an_address_without_a_password_is_shown_as_it_is(url: str):
    assert SETTINGS["db.url"].show(url) == url


def test_the_default_of_every_secret_is_nothing():
    assert all(not setting.default for setting in HIDDEN)


def test_a_configuration_survives_the_way_to_a_worker_process(tmp_path: Path):
    config = load(tmp_path, DEEPER_JWT_SECRET=SECRET)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=AppConfig) == config
