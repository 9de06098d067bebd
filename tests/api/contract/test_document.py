"""The OpenAPI document that is checked in, for those who make clients without running a server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from deeper_api.middleware.bodies import decode_body
from deeper_api.openai.errors import openai_code
from deeper_api.routes.example_requests import REQUESTS
from deeper_api.routes.openapi import openapi_document
from deeper_core import ErrorCode
from tests.fakes.asgi import AsgiClient

Json = dict[str, object]
CHECKED_IN = Path(__file__).parents[3] / "packages" / "api" / "openapi.json"
# Of the router, and of no operation.
_NOWHERE = {ErrorCode.METHOD_NOT_ALLOWED}
DOCUMENT = openapi_document()


def resolved(node: object) -> object:
    """What a reference refers to."""
    if isinstance(node, dict) and "$ref" in node:
        found = DOCUMENT
        for name in str(node["$ref"]).removeprefix("#/").split("/"):
            found = cast("Json", found[name])
        return found
    return node


def operations() -> Iterator[tuple[str, Json]]:
    for methods in cast("dict[str, dict[str, Json]]", DOCUMENT["paths"]).values():
        for operation in methods.values():
            yield str(operation["operationId"]), operation


def contents() -> Iterator[tuple[str, Json]]:
    """Everything that has a body, with a name."""
    for name, operation in operations():
        holders = {"request": operation.get("requestBody", {}), **cast("Json", operation["responses"])}
        for holder, node in holders.items():
            for media_type, content in cast("Json", cast("Json", resolved(node)).get("content", {})).items():
                yield f"{name} {holder} {media_type}", cast("Json", content)


CONTENTS = dict(contents())


async def test_a_server_tells_the_same(client: AsgiClient):
    reply = await client.get("/openapi/openapi.json")
    assert reply.json() == json.loads(CHECKED_IN.read_bytes())


def test_it_is_valid():
    validate(DOCUMENT)


@pytest.mark.parametrize("name", CONTENTS)
def test_every_body_has_examples_that_fit(name: str):
    content = CONTENTS[name]
    examples = cast("dict[str, Json]", content["examples"])
    assert examples
    validator = OAS31Validator({**cast("Json", content["schema"]), "components": DOCUMENT["components"]})
    for example in examples.values():
        validator.validate(cast("Json", resolved(example))["value"])


@pytest.mark.parametrize(("kind", "example"), [(kind, each) for kind, named in REQUESTS.items() for each in named])
def test_the_server_understands_each_example_of_a_request(kind: object, example: str):
    decode_body(msgspec.json.encode(REQUESTS[kind][example]), kind)


def test_every_code_of_an_error_is_that_of_an_operation():
    codes = {code.value for code in set(ErrorCode) - _NOWHERE}
    examples = cast("Json", cast("Json", DOCUMENT["components"])["examples"])
    assert codes == {name for name in examples if not name.startswith("openai.")}
    spoken = {openai_code(code) for code in ErrorCode} | {"insufficient_quota"}
    assert {name.removeprefix("openai.") for name in examples if name.startswith("openai.")} <= spoken


def test_every_failure_names_its_codes_and_shows_each():
    for name, content in CONTENTS.items():
        if (status := name.split()[1]) != "request" and status >= "400":
            [_, narrowed] = cast("list[Json]", cast("Json", content["schema"])["allOf"])
            error = cast("Json", cast("Json", narrowed["properties"])["error"])
            code = cast("Json", cast("Json", error["properties"])["code"])
            assert sorted(cast("Json", content["examples"])) == code["enum"], name


def test_every_tag_is_explained():
    used = {tag for _, operation in operations() for tag in cast("list[str]", operation["tags"])}
    assert used == {tag["name"] for tag in cast("list[Json]", DOCUMENT["tags"])}


def parts_of_a_stream(schema: object) -> Iterator[Json]:
    """What the texts in a schema are schemas of."""
    if isinstance(schema, dict):
        if "contentSchema" in schema:
            yield cast("Json", schema["contentSchema"])
        for each in schema.values():
            yield from parts_of_a_stream(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from parts_of_a_stream(each)


@pytest.mark.parametrize("name", [name for name in CONTENTS if name.endswith("text/event-stream")])
def test_what_the_events_of_a_stream_hold_fits_too(name: str):
    [part] = parts_of_a_stream(CONTENTS[name]["schema"])
    validator = OAS31Validator({**part, "components": DOCUMENT["components"]})
    examples = cast("dict[str, dict[str, Json]]", CONTENTS[name]["examples"]).values()
    texts = [str(example["value"]["data"]) for example in examples]
    assert len(texts) >= 3
    for text in texts:
        if text != "[DONE]":
            validator.validate(json.loads(text))
