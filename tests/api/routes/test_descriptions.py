"""The OpenAPI document of the profile dev: valid, and true as far as it goes."""

import re
from collections.abc import Iterator
from typing import cast

import pytest

from deeper_api.routes.descriptions import _ERRORS, _PARAMETERS
from tests.api.routes.test_table import TABLE
from tests.fakes.asgi import AsgiClient

Document = dict[str, object]


@pytest.fixture
async def document(client: AsgiClient) -> Document:
    reply = await client.get("/openapi/openapi.json")
    assert reply.status == 200
    return cast("Document", reply.json())


def operations(document: Document) -> dict[tuple[str, str], Document]:
    """Every operation, with its responses instead of references to them."""
    paths = cast("dict[str, dict[str, Document]]", document["paths"])
    components = cast("dict[str, Document]", document["components"])
    found = {(method.upper(), path): each for path, methods in paths.items() for method, each in methods.items()}
    for said in found.values():
        responses = cast("dict[str, Document]", said["responses"])
        for status, response in responses.items():
            if "$ref" in response:
                responses[status] = cast("Document", components["responses"][str(response["$ref"]).split("/")[-1]])
    return found


def test_whoever_has_to_sign_in_is_told_so(document: Document):
    refused = {(method, re.sub(r":\w+", "", path)) for (method, path), row in TABLE.items() if row[1] == 401}
    found = operations(document)
    assert {each for each, said in found.items() if "401" in cast("Document", said["responses"])} == refused
    guarded = refused - {("POST", "/v1/auth/login")}
    assert {each for each, said in found.items() if said.get("security")} == guarded


def test_whoever_may_come_with_an_api_key_is_told_its_scope(document: Document):
    found = {str(said["operationId"]): said.get("security") for said in operations(document).values()}
    token = {"accessToken": []}
    assert found["login"] is None
    assert found["refresh"] == [{"refreshCookie": []}, {}]
    assert found["listModels"] == [token, {"apiKey": ["read"]}]
    assert found["chat"] == [token, {"apiKey": ["chat"]}]
    for only_in_person in ("listApiKeys", "deleteMe", "listSessions", "listAuditEvents"):
        assert found[only_in_person] == [token]


def test_every_error_has_the_shape_of_its_door(document: Document):
    for (_, path), said in operations(document).items():
        envelope = "OpenAIErrorEnvelope" if path.startswith("/openai/") else "ErrorEnvelope"
        for status, response in cast("dict[str, Document]", said["responses"]).items():
            if status >= "400":
                assert f"#/components/schemas/{envelope}" in str(response), (status, response)


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


def test_clients_made_of_it_keep_their_names(document: Document):
    found = {str(said["operationId"]) for said in operations(document).values()}
    assert found == {
        *("getHealth", "signUp", "login", "refresh", "logout", "listSessions", "endOtherSessions", "endSession"),
        *("getMe", "deleteMe", "changePassword", "makeApiKey", "listApiKeys", "revokeApiKey", "listAuditEvents"),
        *("listModels", "chat", "listGenerations", "getGeneration", "followGeneration", "cancelGeneration", "getUsage"),
        *("createConversation", "listConversations", "getConversation", "changeConversation", "deleteConversation"),
        *("listMessages", "exportConversation", "importConversation", "search"),
        *("createChatCompletion", "listOpenAIModels", "getOpenAIModel"),
        *("listUsers", "createUser", "getUser", "changeUser", "deleteUser", "getUsageOfAll", "listModelServers"),
        *("listSessionsOfUser", "endSessionsOfUser", "endSessionOfUser", "listApiKeysOfUser", "revokeApiKeyOfUser"),
        *("listRunningGenerations", "cancelGenerationOfUser"),
    }


def test_what_is_told_of_one_operation_is_told_of_one_that_exists(document: Document):
    found = {str(said["operationId"]) for said in operations(document).values()}
    assert found >= _ERRORS.keys() | _PARAMETERS.keys()


def body_of(document: Document, method: str, path: str) -> Document:
    return cast("Document", operations(document)[method, path]["requestBody"])


def test_a_body_that_may_be_missing_is_not_required(document: Document):
    paths = {
        path for (method, path), said in operations(document).items() if method == "POST" and "requestBody" in said
    }
    optional = {path for path in paths if not body_of(document, "POST", path)["required"]}
    assert optional == {"/v1/auth/refresh", "/v1/conversations"}


def test_a_body_that_refuses_what_it_does_not_know_says_so(document: Document):
    schemas = cast("dict[str, Document]", cast("Document", document["components"])["schemas"])
    assert schemas["ChatBody"]["additionalProperties"] is False
    assert schemas["ChatOptions"]["additionalProperties"] is False


def properties(document: Document) -> Iterator[tuple[str, str, object]]:
    """Each component with the name and the schema of each property."""
    for component, schema in cast("dict[str, Document]", cast("Document", document["components"])["schemas"]).items():
        for name, said in cast("Document", schema.get("properties", {})).items():
            yield component, name, said


def test_moments_are_moments(document: Document):
    moments = [(component, name, said) for component, name, said in properties(document) if name.endswith("_at")]
    assert moments
    assert [each for each in moments if "'format': 'date-time'" not in str(each)] == []


def test_what_is_always_written_is_always_there_unless_it_may_be_read(document: Document):
    schemas = cast("dict[str, Document]", cast("Document", document["components"])["schemas"])
    assert schemas["User"]["required"] == ["id", "email", "role", "created_at", "disabled_at"]
    assert schemas["Tokens"]["required"] == ["access_token", "expires_in", "token_type"]
    assert schemas["ToolCall"]["required"] == ["id", "function"]


@pytest.mark.parametrize(
    ("method", "path", "media_types"),
    [
        ("POST", "/v1/chat", {"application/json", "text/event-stream", "application/x-ndjson"}),
        ("POST", "/openai/v1/chat/completions", {"application/json", "text/event-stream"}),
        ("GET", "/v1/generations/{generation_id}/events", {"text/event-stream", "application/x-ndjson"}),
        ("GET", "/v1/conversations/{conversation_id}/export", {"application/json", "text/markdown"}),
    ],
)
def test_every_form_of_an_answer_is_described(document: Document, method: str, path: str, media_types: set[str]):
    responses = cast("dict[str, Document]", operations(document)[method, path]["responses"])
    assert set(cast("Document", responses["200"]["content"])) == media_types


def test_an_array_holds_things_of_one_kind(document: Document):
    found = list(arrays(document["components"]))
    assert found
    assert [each for each in found if "oneOf" in cast("Document", each["items"])] == []
