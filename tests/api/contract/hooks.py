"""What schemathesis has to know of this API besides its document. It loads this module into a process of its own.

Operations that end an account or a session get an account of their own for each call. Where an operation is about
something that exists, such as a password, generated values never meet it: half of the requests get a true one.

By hand, for more than the tests have time for, in a folder with an access token in the file ``token``::

    SCHEMATHESIS_HOOKS=…/hooks.py st run …/openapi/openapi.json --checks all --generation-allow-x00 false -n 150
"""

import itertools
import json
import re
import urllib.request
from pathlib import Path
from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis import AuthContext, Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData

Json = dict[str, Any]
AnyCase = Case[Any]

# They end the session or the account that asks.
_OWN_ACCOUNT = {"logout", "deleteMe", "changePassword", "endSession"}

# What is refused with 422 although its schema fits, for JSON Schema cannot say why: by operation, what the answer says.
_CURSOR = "Expected the cursor of a page of this list"  # opaque: it is made by the server
_LINE = "Expected (1 to [0-9]+ characters|one line)"
_TITLE = "Expected (1 to 200 characters|one line)"  # counted without the blanks around it
_ADDRESS = "This is not an e-mail address|An e-mail address has at most"
_PASSWORD = "A password|too common"
_NOT_THE_PASSWORD = "This is not the present password"
# JSON Schema takes 1.0 for an integer, and what it says of base64 is for people.
_ANYWHERE = r"Expected `int.*got `float`|Expected base64"
_REFUSALS = {
    "signUp": f"{_ADDRESS}|{_PASSWORD}",
    "changePassword": f"{_PASSWORD}|{_NOT_THE_PASSWORD}",
    "deleteMe": _NOT_THE_PASSWORD,
    "makeApiKey": "Expected (1 to 100 characters|one line)",
    "listAuditEvents": _CURSOR,
    "listConversations": _CURSOR,
    "listGenerations": _CURSOR,
    "listMessages": f"{_CURSOR}|Expected either leaf or through",
    "createConversation": _TITLE,
    "changeConversation": _TITLE,
    "importConversation": "Expected (an id that|the id of a message|a message that|'complete'|a time after)",
    "search": f"{_CURSOR}|Expected (a word|at most|1 to 300 characters)",
    "getUsage": "Expected a day (that is not after|at most)",
    "getUsageOfAll": f"Expected a day (that is not after|at most)|{_CURSOR}|{_LINE}",
    "listUsers": f"{_CURSOR}|{_LINE}",
    "createUser": f"{_ADDRESS}|{_PASSWORD}",
    "listRunningGenerations": f"{_CURSOR}|{_LINE}",
    "createChatCompletion": "Expected (a data: URL|base64|a tool in tools)|supported",
    "chat": "There is nothing to answer|Expected a conversation_id|Expected true, or nothing|Without messages",
}

# What of a body is known of an account.
_KNOWN = {
    "login": {"email": "email", "password": "password"},
    "refresh": {"refresh_token": "refresh_token"},
    "deleteMe": {"password": "password"},
    "changePassword": {"current_password": "password", "new_password": "other_password"},
}
_WITHOUT_TOKEN = {"login", "refresh"}
_ASKING = {"chat", "createChatCompletion"}
_OF_CONVERSATIONS = {"conversation_id", "parent_id", "store"}
# What answers tell, and later requests may ask about.
_TOLD = {
    "chat": {"generation_id": r'"generation_id":"([^"]+)"'},
    "listOpenAIModels": {"model_id": r'"id":"([^"]+)"'},
    "makeApiKey": {"key_id": r'"id":"([^"]+)"'},
    "createConversation": {"conversation_id": r'"id":"([^"]+)"'},
}

# In the folder where this runs; without it, nobody asks.
_TOKEN = Path("token")
_accounts: dict[str, Json] = {}
_met: dict[str, str] = {}
_calls = itertools.count()
_forms = itertools.cycle(("text/event-stream", "application/x-ndjson"))


def _operation(case: AnyCase) -> str:
    return case.operation.definition.raw["operationId"]


def _url(case: AnyCase) -> str:
    return case.operation.schema.get_base_url().rstrip("/")


def _sign_up(url: str) -> Json:
    given = {"email": f"{uuid4().hex}@example.com", "password": f"a password {uuid4().hex}"}
    known = given | {"other_password": f"another {given['password']}"}
    body = json.dumps(given).encode()
    request = urllib.request.Request(f"{url}/v1/auth/signup", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return known | json.load(reply)


def _sessions(url: str, account: Json) -> list[Json]:
    headers = {"Authorization": f"Bearer {account['access_token']}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/auth/sessions", headers=headers)) as reply:
        return json.load(reply)


class Tokens:
    """The access tokens that go with requests: the one that was given, or that of an own account."""

    def get(self, case: AnyCase, _context: AuthContext) -> str:
        if _operation(case) not in _OWN_ACCOUNT:
            return _TOKEN.read_text()
        account = _sign_up(_url(case))
        _accounts[f"Bearer {account['access_token']}"] = account
        return account["access_token"]

    def set(self, case: AnyCase, data: str, _context: AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


if _TOKEN.exists():
    schemathesis.auth(refresh_interval=None)(Tokens)


@schemathesis.hook
def before_call(_context: HookContext, case: AnyCase, _kwargs: Json) -> None:
    """Put true values into half of the requests that are meant well."""
    if case.meta is None or not case.meta.generation.mode.is_positive or next(_calls) % 2:
        return
    operation, account = _operation(case), _accounts.get(case.headers.get("Authorization", ""))
    case.path_parameters |= {name: _met[name] for name in case.path_parameters if name in _met}
    if f"cursor of {operation}" in _met:
        case.query["cursor"] = _met[f"cursor of {operation}"]
    if operation in _WITHOUT_TOKEN:
        account = _sign_up(_url(case))
    if account and operation == "endSession":
        case.path_parameters["session_id"] = _sessions(_url(case), account)[0]["id"]
    elif account and isinstance(case.body, dict):
        case.body |= {name: account[known] for name, known in _KNOWN.get(operation, {}).items()}
    elif operation in _ASKING and isinstance(case.body, dict):
        question: Json = {"model": "tiny", "messages": [{"role": "user", "content": "How are you?"}]}
        question |= {name: case.body[name] for name in case.body.keys() - _OF_CONVERSATIONS - question.keys()}
        case.body = question
        if operation == "chat":
            case.headers["Accept"] = next(_forms)
        if "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = uuid4().hex


@schemathesis.hook
def after_call(_context: HookContext, case: AnyCase, response: Response) -> None:
    """Keep what later requests may ask about."""
    operation, text = _operation(case), response.text or ""
    for kind, pattern in _TOLD.get(operation, {}).items():
        if found := re.search(pattern, text):
            _met[kind] = found[1]
    if found := re.search(r'"cursor":"([^"]+)"', text):
        _met[f"cursor of {operation}"] = found[1]


@schemathesis.hook
def filter_failure(_context: HookContext, failure: Failure, case: AnyCase, response: Response) -> bool:
    """Let pass what is refused for a reason that a schema cannot tell, if it is that what the answer says."""
    if not isinstance(failure, RejectedPositiveData) or response.status_code not in {400, 422}:
        return True
    allowed = "|".join(filter(None, (_ANYWHERE, _REFUSALS.get(_operation(case)))))
    error = response.json()["error"]
    # In OpenAI's shape, the details are in the message.
    details = [error] if error["code"] == "validation_failed" and "type" in error else error.get("details", [])
    return not (details and all(re.search(allowed, each["message"]) for each in details))
