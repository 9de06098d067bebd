"""deploy/kubernetes against the cluster's own schemas, and its parts against each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import kubernetes_validate
import pytest
import yaml

from deeper_api.cli.serving import _SECONDS_AFTER_DRAIN
from deeper_api.config import load_config
from tests.deploy.stacks import ROOT
from tests.fakes.exchanges import Json

_FOLDER: Final = ROOT / "deploy" / "kubernetes"
# The oldest and the newest that are tried: `sleep` before the end of a container is in all since 1.30.
_VERSIONS: Final = ("1.30", "1.37")


def resources() -> Iterator[Json]:
    """What kustomization.yaml takes together."""
    for name in yaml.safe_load((_FOLDER / "kustomization.yaml").read_text())["resources"]:
        yield from yaml.safe_load_all((_FOLDER / name).read_text())


def of(kind: str) -> list[Json]:
    return [resource for resource in resources() if resource["kind"] == kind]


def pods() -> list[Json]:
    return [resource["spec"]["template"] for resource in (*of("Deployment"), *of("Job"))]


@pytest.mark.parametrize("version", _VERSIONS)
def test_a_cluster_takes_every_resource(version: str):
    for resource in resources():
        kubernetes_validate.validate(resource, version, strict=True)


def test_every_file_is_in_use():
    named = set(yaml.safe_load((_FOLDER / "kustomization.yaml").read_text())["resources"])
    assert {path.name for path in _FOLDER.glob("*.yaml")} == named | {"kustomization.yaml"}


def test_whatever_chooses_pods_finds_some():
    labels = [pod["metadata"]["labels"] for pod in pods()]
    chosen = [resource["spec"]["selector"] for resource in of("Service")]
    chosen += [resource["spec"]["selector"]["matchLabels"] for resource in of("PodDisruptionBudget")]
    chosen += [resource["spec"]["podSelector"].get("matchLabels", {}) for resource in of("NetworkPolicy")]
    for wanted in chosen:
        assert any(wanted.items() <= have.items() for have in labels), wanted


def test_what_runs_keeps_to_the_restricted_standard():
    for pod in pods():
        assert not pod["spec"]["automountServiceAccountToken"]
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"].keys() == {"requests", "limits"}


def test_the_api_takes_these_settings(tmp_path: Path):
    lines = (_FOLDER / "settings.env").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    secrets = {
        "DEEPER_DB_URL_FILE": "postgresql://deeper:x@db/deeper",
        "DEEPER_REDIS_URL_FILE": "redis://redis:6379/0",
        "DEEPER_JWT_SECRET_FILE": "c7b5a1f09e3d482f66d0981b7a2e4c53",
    }
    for name, value in secrets.items():
        (tmp_path / name).write_text(value)
        settings[name] = str(tmp_path / name)
    config = load_config(environment=settings, directory=tmp_path)
    assert config.profile == "prod"
    grace = next(pod["spec"] for pod in pods() if pod["spec"].get("terminationGracePeriodSeconds"))
    slept = grace["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert grace["terminationGracePeriodSeconds"] > slept + config.server.drain_seconds + _SECONDS_AFTER_DRAIN


def test_every_secret_is_read_where_it_is_mounted():
    for pod in pods():
        container = pod["spec"]["containers"][0]
        mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        for variable in container.get("env", ()):
            assert any(variable["value"].startswith(f"{mount}/") for mount in mounts), variable


def test_the_images_are_those_whose_versions_are_set():
    named = {image["name"] for image in yaml.safe_load((_FOLDER / "kustomization.yaml").read_text())["images"]}
    assert {container["image"] for pod in pods() for container in pod["spec"]["containers"]} == named
