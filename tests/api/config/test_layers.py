from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given

from deeper_api.config import AppConfig, ConfigError, load_config, value_of
from tests.api.config.values import SETTINGS, as_variables, subsets, write_dotenv, write_file


def flat(config: AppConfig) -> dict[str, object]:
    return {key: value_of(config, setting) for key, setting in SETTINGS.items()}


def load(directory: Path, environment: Mapping[str, str] | None = None) -> dict[str, object]:
    return flat(load_config(environment=environment or {}, directory=directory))


@given(subsets(), subsets(), subsets(), subsets(), subsets())
def test_the_later_layer_wins_for_each_setting_by_itself(defaults, file, dotenv, environment, overrides):
    with TemporaryDirectory() as folder:
        write_file(Path(folder) / "deeper.toml", file)
        write_dotenv(Path(folder) / ".env", dotenv)
        config = load_config(
            defaults=defaults,
            overrides=overrides,
            environment=as_variables(environment),
            directory=Path(folder),
        )
    assert flat(config) == flat(AppConfig()) | defaults | file | dotenv | environment | overrides


def test_with_no_layer_everything_has_its_default(tmp_path: Path):
    assert load(tmp_path) == {key: setting.default for key, setting in SETTINGS.items()}


def test_variables_of_others_are_passed_over(tmp_path: Path):
    others = {"PATH": "/bin", "DEEPERSENSOR": "x", "deeper_server_port": "1", "SERVER_PORT": "2"}
    assert load(tmp_path, others) == load(tmp_path)


def test_what_only_the_command_line_reads_is_no_unknown_setting(tmp_path: Path):
    names = ("DEEPER_DATA_DIR", "DEEPER_CHAT_URL", "DEEPER_CHAT_EMAIL")
    assert load(tmp_path, dict.fromkeys(names, "x")) == load(tmp_path)


@pytest.mark.parametrize("layer", ["environment", ".env"])
def test_another_file_can_be_named(tmp_path: Path, layer: str):
    other = tmp_path / "other.toml"
    write_file(other, {"server.port": 81})
    write_file(tmp_path / "deeper.toml", {"server.port": 82, "server.workers": 3})
    variables = {"DEEPER_CONFIG": str(other)}
    if layer == ".env":
        (tmp_path / ".env").write_text(f"DEEPER_CONFIG={other}\n")
        variables = {}
    config = load(tmp_path, variables)
    assert (config["server.port"], config["server.workers"]) == (81, 1)


def test_a_named_file_that_is_missing_is_a_fault(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"missing\.toml: no such file \(named by DEEPER_CONFIG\)"):
        load(tmp_path, {"DEEPER_CONFIG": str(tmp_path / "missing.toml")})


@pytest.mark.parametrize(("text", "meant"), [("true", True), ("True", True), ("0", False), ("FALSE", False)])
def test_a_switch_is_read_as_people_write_it(tmp_path: Path, text: str, meant: bool):
    assert load(tmp_path, {"DEEPER_AUTH_SIGNUP": text})["auth.signup"] is meant


@pytest.mark.parametrize("text", ["https://a.example,https://b.example", " https://a.example , https://b.example ,,"])
def test_a_list_in_the_environment_is_separated_by_commas(tmp_path: Path, text: str):
    config = load(tmp_path, {"DEEPER_SERVER_ALLOWED_ORIGINS": text})
    assert config["server.allowed_origins"] == ("https://a.example", "https://b.example")


def test_a_dollar_sign_in_dotenv_stays_what_it_is(tmp_path: Path):
    (tmp_path / ".env").write_text("DEEPER_JWT_ISSUER=a${HOME}b\n")
    assert load(tmp_path, {"HOME": "/root"})["jwt.issuer"] == "a${HOME}b"
