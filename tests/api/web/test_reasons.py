"""Why a build failed, told from what npm and Next.js say. What they say is copied from real failures."""

import pytest

from deeper_api.web.reasons import reason_of


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("npm error code ECONNREFUSED\nnpm error syscall connect\n", "The npm registry cannot be reached."),
        ("npm error code ENOTFOUND\nnpm error syscall getaddrinfo\n", "The npm registry cannot be reached."),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN\n", "The certificate of the npm registry is not trusted."),
        ("npm error code UNABLE_TO_GET_ISSUER_CERT_LOCALLY\n", "The certificate of the npm registry is not trusted."),
        ("npm error code E404\nnpm error 404 Not Found - GET http://r/x", "The npm registry does not give"),
        ("npm error code EACCES\nnpm error syscall mkdir\n", "npm may not write"),
        ("npm error code ENOSPC\nnpm error nospc ENOSPC: no space left on device, write\n", "The disk is full."),
        # npm ends well after this; Next.js does not find what it needs.
        (
            "npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write\nError: ENOENT, open 'out/csp.json'",
            "The disk is full.",
        ),
        ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "There is not enough"),
    ],
)
def test_what_can_be_helped_is_told_in_words(said: str, words: str):
    assert reason_of(said).startswith(words)


def test_the_end_of_all_else_is_shown():
    said = "\n".join(
        ["npm warn EBADENGINE", *(f"line {number}" for number in range(30)), "", "Module not found: './x'"]
    )
    shown = reason_of(said).splitlines()
    assert shown[0] == "The build failed."
    assert shown[-1] == "    Module not found: './x'"
    assert len(shown) == 9


def test_silence_has_words_too():
    assert reason_of("") == "The build failed."
