"""Access tokens that nobody should believe, each with the name of what is wrong with it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import cast
from uuid import uuid4

from deeper_auth import KeyPurpose, KeyRing
from deeper_core import JsonObject

# The one of the servers that the tests start.
SECRET = "c7b5a1f09e3d482f66d0981b7a2e4c53"
RING = KeyRing(SECRET)
KEY = RING.current(KeyPurpose.ACCESS)

PEM = b"-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL\n-----END PUBLIC KEY-----\n"
OPENSSH = b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQC7 somebody@somewhere"
DER = bytes.fromhex("305c300d06092a864886f70d0101010500034b003048024100bb")


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def mac(text: str, key: bytes = KEY.secret, algorithm=hashlib.sha256) -> str:
    return b64(hmac.digest(key, text.encode("utf-8", "surrogatepass"), algorithm))


def forge(
    header: JsonObject | str, payload: JsonObject | str, key: bytes = KEY.secret, algorithm=hashlib.sha256
) -> str:
    """Sign whatever it is; with our own key unless told otherwise, so that only the fault at hand can be refused."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, payload)]
    text = ".".join(b64(part.encode("utf-8", "surrogatepass")) for part in parts)
    return f"{text}.{mac(text, key, algorithm)}"


def good_header() -> JsonObject:
    return {"alg": "HS256", "typ": "at+jwt", "kid": KEY.id}


def good_payload(now: int, user_id: str | None = None, session_id: str | None = None) -> JsonObject:
    """Return the claims of a token that was issued ``now``, to nobody unless told otherwise."""
    who: JsonObject = {"sub": user_id or str(uuid4()), "sid": session_id or str(uuid4()), "jti": str(uuid4())}
    return {"iss": "deepersensor", "aud": "deepersensor", "iat": now, "exp": now + 600} | who


def issued_at(payload: JsonObject) -> int:
    return cast("int", payload["iat"])


def without(mapping: JsonObject, key: str) -> JsonObject:
    return {name: value for name, value in mapping.items() if name != key}


def nested(depth: int) -> str:
    return '{"alg":"HS256","typ":"at+jwt","kid":' + "[" * depth + "]" * depth + "}"


def repeated(key: str, value: str) -> str:
    return json.dumps(good_header())[:-1] + f', "{key}": {value}' + "}"


def header_attacks(payload: JsonObject) -> dict[str, str]:
    headers: dict[str, JsonObject | str] = {
        f"alg {alg!r}": good_header() | {"alg": alg}
        for alg in ("none", "None", "NONE", "nOnE", "", "hs256", "HS384", "HS512", "RS256", "PS256", "ES256", "dir")
    }
    headers |= {
        f"alg as {type(alg).__name__}": good_header() | {"alg": alg}
        for alg in (["HS256"], {"HS256": 1}, 256, None, True, 1.5)
    }
    headers |= {
        f"header {name}": good_header() | {name: value}
        for name, value in (
            ("jwk", {"kty": "oct", "k": b64(KEY.secret)}),
            ("jku", "https://attacker.example/keys"),
            ("x5u", "https://attacker.example/cert"),
            ("x5c", ["MIIB"]),
            ("crit", ["exp"]),
            ("b64", False),
            ("zip", "DEF"),
            ("cty", "JWT"),
        )
    }
    headers |= {
        f"kid {name}": good_header() | {"kid": kid}
        for name, kid in (
            ("unknown", "0" * 16),
            ("path", "../../dev/null"),
            ("sql", "' OR 1=1--"),
            ("empty", ""),
            ("array", [KEY.id]),
            ("null", None),
            ("number", 1),
            ("object", {}),
            ("NUL", KEY.id + "\0"),
            ("megabyte", "k" * 1_000_000),
        )
    }
    headers |= {
        f"typ {typ!r}": good_header() | {"typ": typ} for typ in ("JWT", "rt+jwt", "AT+JWT", "application/at+jwt", None)
    }
    headers |= {f"no {name}": without(good_header(), name) for name in good_header()}
    headers |= {f"nested {depth}": nested(depth) for depth in (50, 1_000, 2_000, 20_000)}
    headers |= {
        "header array": "[]",
        "header null": "null",
        "header text": "HS256",
        "header empty": "",
        "header number": "1e999",
        "header not UTF-8": "\udcff",
        "alg twice, none last": repeated("alg", '"none"'),
        "typ twice, JWT last": repeated("typ", '"JWT"'),
    }
    return {name: forge(header, payload) for name, header in headers.items()}


def payload_attacks(good: JsonObject) -> dict[str, str]:
    now = issued_at(good)
    payloads: dict[str, JsonObject | str] = {
        "expired": good | {"iat": now - 601, "exp": now - 1},
        "expired now": good | {"exp": now},
        "exp 0": good | {"exp": 0},
        "exp negative": good | {"exp": -1},
        "exp null": good | {"exp": None},
        "exp text": good | {"exp": str(now + 600)},
        "exp float": good | {"exp": now + 600.5},
        "exp 1e99": json.dumps(good | {"exp": 0}).replace('"exp": 0', '"exp": 1e99'),
        "exp NaN": json.dumps(good | {"exp": float("nan")}),
        "exp Infinity": json.dumps(good | {"exp": float("inf")}),
        "exp true": good | {"exp": True},
        "exp list": good | {"exp": [now + 600]},
        "exp beyond any calendar": good | {"exp": 10**18},
        "exp of 5000 digits": json.dumps(good | {"exp": 0}).replace('"exp": 0', '"exp": ' + "9" * 5_000),
        "nbf in the future": good | {"nbf": now + 3_600},
        "nbf text": good | {"nbf": "x"},
        "iat in the future": good | {"iat": now + 3_600, "exp": now + 4_200},
        "iat text": good | {"iat": "now"},
        "iss wrong": good | {"iss": "somebody"},
        "iss list": good | {"iss": ["deepersensor"]},
        "iss null": good | {"iss": None},
        "aud wrong": good | {"aud": "somebody"},
        "aud list": good | {"aud": ["deepersensor"]},
        "aud null": good | {"aud": None},
        "sub number": good | {"sub": 1},
        "sub null": good | {"sub": None},
        "sub text": good | {"sub": "admin"},
        "sid text": good | {"sid": "x"},
        "jti text": good | {"jti": "x"},
        "claim unknown": good | {"role": "admin"},
        "at_hash": good | {"at_hash": "x"},
        "payload array": "[]",
        "payload null": "null",
        "payload text": "hello",
        "payload not UTF-8": "\udcff",
        "payload nested": json.dumps(good)[:-1] + ', "x": ' + "[" * 400 + "]" * 400 + "}",
    }
    payloads |= {f"{name} missing": without(good, name) for name in good}
    return {name: forge(good_header(), payload) for name, payload in payloads.items()}


def signature_attacks(payload: JsonObject) -> dict[str, str]:
    header = good_header()
    good = forge(header, payload)
    head, body, signature = good.split(".")
    other = forge(header, good_payload(issued_at(payload))).split(".")
    keys = {"PEM": PEM, "OpenSSH": OPENSSH, "DER": DER, "empty": b"", "the secret itself": SECRET.encode()}
    keys |= {"the key id": KEY.id.encode(), "JSON": b'{"kty":"oct"}', "null": b"null"}
    keys |= {"the refresh key": RING.current(KeyPurpose.REFRESH).secret}
    attacks = {f"signed with {name}": forge(header, payload, key) for name, key in keys.items()}
    attacks |= {
        f"RS256 signed with {name}": forge(header | {"alg": "RS256"}, payload, keys[name]) for name in ("PEM", "DER")
    }
    attacks |= {
        "signature empty": f"{head}.{body}.",
        "signature missing": f"{head}.{body}",
        "signature of another token": f"{head}.{body}.{other[2]}",
        "payload of another token": f"{head}.{other[1]}.{signature}",
        "signature short": good[:-1],
        "signature long": good + "A",
        "signature of zeros": f"{head}.{body}.{'A' * 43}",
        "signature HS384": forge(header, payload, algorithm=hashlib.sha384),
        "signature HS512": forge(header, payload, algorithm=hashlib.sha512),
        "payload truncated": f"{head}.{body[:-1]}.{signature}",
        "header truncated": f"{head[:-1]}.{body}.{signature}",
        "payload empty": f"{head}..{signature}",
        "header empty": f".{body}.{signature}",
    }
    return attacks


def shape_attacks(payload: JsonObject) -> dict[str, str]:
    good = forge(good_header(), payload)
    head, body, signature = good.split(".")
    attacks = {
        f"followed by {tail!r}": good + tail
        for tail in ("!!", "é", "\n", "\r\n", " ", "=", "==", "\0", ".", ".e30", ".e30.e30", "\ud800", "%00")
    }
    attacks |= {f"after {start!r}": start + good for start in (" ", "\n", "Bearer ", ".", "\ufeff", "\0")}
    attacks |= {
        "empty": "",
        "dots": "..",
        "a space inside": f"{head}. {body}.{signature}",
        "a newline inside": f"{head}.{body[:9]}\n{body[9:]}.{signature}",
        "the standard alphabet": f"{head}.{body}.{'+/' * 21}A",
        "full-width letters": good.replace("e", "\uff45"),
        "too long": f"{head}.{'A' * 4_097}.{signature}",
        "a megabyte": "A" * 1_000_000,
        "a JWE": ".".join([head] * 5),
        "JSON": json.dumps({"payload": body, "signature": signature}),
        "another spelling of the signature": good[:-1] + next_letter(good[-1]),
    }
    return attacks


def next_letter(letter: str) -> str:
    """Return a letter that python-jose reads as the same four bits."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(letter) + 1]


GROUPS: tuple[Callable[[JsonObject], dict[str, str]], ...] = (
    header_attacks,
    payload_attacks,
    signature_attacks,
    shape_attacks,
)


def all_attacks(payload: JsonObject) -> dict[str, str]:
    """Return tokens by what is wrong with each; nothing is wrong with ``payload``."""
    return {f"{group.__name__}: {name}": token for group in GROUPS for name, token in group(payload).items()}
