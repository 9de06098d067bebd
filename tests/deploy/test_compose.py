"""deploy/compose.yaml and deploy/.env.example say the same, and what is exposed is what should be."""

import json
import re
import subprocess
import tomllib
from typing import Final

import yaml

from deeper_api.cli.serving import _SECONDS_AFTER_DRAIN
from tests.deploy.conftest import OpenDoor
from tests.deploy.doors import GONE
from tests.deploy.stacks import ROOT
from tests.fakes.exchanges import Json

_DEPLOY: Final = ROOT / "deploy"
_TEXT: Final = (_DEPLOY / "compose.yaml").read_text()


def compose() -> Json:
    return yaml.safe_load(_TEXT)


def test_every_variable_is_in_the_example_with_its_default():
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", _TEXT))
    example = dict(re.findall(r"(?m)^#(\w+)=(.*)$", (_DEPLOY / ".env.example").read_text()))
    assert used.keys() - example.keys() == set()
    # What has no default here is the API's, or an example of an address.
    examples = {"DEEPER_OLLAMA_URL", "DEEPER_TRACING_ENDPOINT"}
    assert {name: example[name] for name in used.keys() - examples} == {
        name: value for name, value in used.items() if name not in examples
    }
    assert example.keys() - used.keys() == {"DEEPER_AUTH_SIGNUP"}


def test_the_images_have_the_version_of_the_api():
    version = tomllib.loads((ROOT / "packages" / "api" / "pyproject.toml").read_text())["project"]["version"]
    rendered = yaml.safe_load((_DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    assert set(re.findall(r":-deepersensor/\w+:([\d.]+)\}", _TEXT)) == {version}
    assert {image["newTag"] for image in rendered["images"]} == {version}


def test_nothing_but_nginx_listens_for_others():
    ports = {name: service["ports"] for name, service in compose()["services"].items() if "ports" in service}
    assert all(port.startswith("127.0.0.1:") for name in ports.keys() - {"nginx"} for port in ports[name])
    assert ports["nginx"]


def test_the_database_and_redis_are_reached_from_inside_only():
    networks, services = compose()["networks"], compose()["services"]
    for name in ("postgres", "redis"):
        assert [networks[network]["internal"] for network in services[name]["networks"]] == [True]
    assert services["nginx"]["networks"] == ["edge", "front"]
    assert networks["front"]["internal"]


def test_everything_has_a_limit_and_what_lasts_a_check_of_its_health():
    services = compose()["services"]
    for name, service in services.items():
        assert "memory" in service["deploy"]["resources"]["limits"], name
        if "profiles" not in service:
            assert service["healthcheck"], name


def test_nginx_is_healthy_while_it_answers(open_door: OpenDoor):
    door = open_door([GONE])
    command = compose()["services"]["nginx"]["healthcheck"]["test"][1:]
    assert json.dumps(command) in (_DEPLOY / "nginx" / "Dockerfile").read_text()
    looks = [word.replace("/8080", f"/{door.plain_port}") for word in command]
    assert subprocess.run(looks, check=False, timeout=30).returncode == 0
    door.close()
    assert subprocess.run(looks, check=False, timeout=30, stderr=subprocess.DEVNULL).returncode != 0


def test_docker_waits_longer_than_the_api_drains():
    api = compose()["services"]["api"]
    drain = int(re.findall(r":-(\d+)\}", api["environment"]["DEEPER_SERVER_DRAIN_SECONDS"])[0])
    grace = int(re.findall(r":-(\d+)s\}", api["stop_grace_period"])[0])
    assert grace > drain + _SECONDS_AFTER_DRAIN


def test_replicas_that_run_stay_when_more_are_wanted():
    # deploy/.env is in their environment, too, and a container whose environment has changed is made anew.
    assert compose()["services"]["api"]["environment"]["API_REPLICAS"] == ""


def test_every_secret_is_made_by_the_first_run():
    made = set(re.findall(r'"(\w+)": ', (_DEPLOY / "first_run.py").read_text()))
    assert compose()["secrets"].keys() == made
