import re
from pathlib import Path

import pytest

from deeper_api.config import AppConfig, Setting, environment_matrix, settings, value_of

README = Path(__file__).parents[3] / "README.md"


def test_every_setting_has_a_row_and_every_row_is_a_setting():
    rows = re.findall(r"^\| `(DEEPER_\w+)` \| `([\w.]+)` \|", environment_matrix(), re.MULTILINE)
    assert rows == [(setting.variable, setting.key) for setting in settings()]


def test_every_field_of_the_configuration_is_a_setting():
    def fields(section: object, above: str) -> list[str]:
        names: list[str] = []
        for name in getattr(section, "__struct_fields__", ()):
            inner = getattr(section, name)
            names += fields(inner, f"{above}{name}.") if hasattr(inner, "__struct_fields__") else [above + name]
        return names

    assert [setting.key for setting in settings()] == fields(AppConfig(), "")


def test_the_table_is_a_table():
    lines = environment_matrix().splitlines()
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {5}
    assert lines[1] == "| --- | --- | --- | --- |"


@pytest.mark.parametrize("setting", list(settings()), ids=lambda setting: setting.key)
def test_a_setting_describes_itself_and_has_the_default_of_the_server(setting: Setting):
    assert setting.description.endswith(".")
    assert "|" not in setting.description
    assert value_of(AppConfig(), setting) == setting.default


def test_names_of_settings_are_distinct_and_none_is_mistaken_for_the_file_of_another():
    names = [setting.variable for setting in settings()]
    files = [f"{name}_FILE" for name in names]
    assert len({*names, *files}) == 2 * len(names)


def test_the_table_in_the_readme_is_the_table():
    [table] = re.findall(r"<!-- settings -->\n(.*?)<!-- /settings -->", README.read_text("utf-8"), re.DOTALL)
    assert table.strip() == environment_matrix().strip()
