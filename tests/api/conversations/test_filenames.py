import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.conversations.filenames import attachment


@pytest.mark.parametrize(
    ("title", "plain", "full"),
    [
        ("", "conversation", "conversation"),
        ("...", "conversation", "conversation"),
        ("../../etc/passwd", "etc-passwd", "etc passwd"),
        ('a"b\\c\r\nX-Evil: 1', "a-b-c-X-Evil-1", "a b c X-Evil 1"),
        ("Grüße, Welt!", "Gr-e-Welt", "Grüße, Welt"),
        ("天空", "conversation", "天空"),
        ("a\u202egpj.exe", "a-gpj-exe", "a gpj exe"),
        ("x" * 300, "x" * 80, "x" * 80),
    ],
)
def test_a_file_is_named_after_its_title(title: str, plain: str, full: str):
    found = re.fullmatch(r"attachment; filename=\"(.*)\.md\"; filename\*=UTF-8''(.*)\.md", attachment(title, "md"))
    assert found is not None
    assert (found[1], unquote(found[2])) == (plain, full)


@given(st.text())
def test_a_title_does_not_get_out_of_its_header(title: str):
    assert re.fullmatch(
        r"attachment; filename=\"[A-Za-z0-9_-]+\.json\"; filename\*=UTF-8''[A-Za-z0-9_.~%-]+\.json",
        attachment(title, "json"),
    )
