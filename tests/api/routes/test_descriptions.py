"""The OpenAPI document of the profile dev: valid, and true as far as it goes."""

from collections.abc import Iterator
from typing import cast

import pytest
from openapi_spec_validator import validate

from tests.api.routes.test_table import TABLE
from tests.fakes.asgi import AsgiClient

Document = dict[str, object]


@pytest.fixture
async def document(client: AsgiClient) -> Document:
    reply = await client.get("/openapi/openapi.json")
    assert reply.status == 200
    return cast("Document", reply.json())


def test_it_is_valid(document: Document):
    validate(document)


def operations(document: Document) -> dict[tuple[str, str], Document]:
    paths = cast("dict[str, dict[str, Document]]", document["paths"])
    return {(method.upper(), path): each for path, methods in paths.items() for method, each in methods.items()}


def test_whoever_has_to_sign_in_is_told_so(document: Document):
    refused = {(method, path.replace(":uuid", "")) for (method, path), row in TABLE.items() if row[1] == 401}
    found = operations(document)
    assert {each for each, said in found.items() if "401" in cast("Document", said["responses"])} == refused
    guarded = refused - {("POST", "/v1/auth/login"), ("POST", "/v1/auth/refresh")}
    assert {each for each, said in found.items() if said.get("security")} == guarded


def test_every_error_has_the_one_shape(document: Document):
    for said in operations(document).values():
        for status, response in cast("dict[str, Document]", said["responses"]).items():
            if status >= "400":
                assert "#/components/schemas/ErrorEnvelope" in str(response), (status, response)


def arrays(value: object) -> Iterator[Document]:
    if isinstance(value, dict):
        node = cast("Document", value)
        if node.get("type") == "array":
            yield node
        for each in node.values():
            yield from arrays(each)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            yield from arrays(each)


def test_an_array_holds_things_of_one_kind(document: Document):
    found = list(arrays(document["components"]))
    assert found
    assert [each for each in found if "oneOf" in cast("Document", each["items"])] == []
