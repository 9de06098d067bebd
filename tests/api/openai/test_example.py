"""The example of the README."""

import os
import re
import subprocess
import sys

from tests.api.openai.conftest import Door
from tests.test_readme import README


def test_it_runs_as_it_stands(scripted_door: Door):
    found = re.search(r"<!-- openai -->\n```python\n(.*?)```\n<!-- /openai -->", README, re.DOTALL)
    assert found is not None
    done = subprocess.run(
        [sys.executable, "-c", found[1]],
        env={"PATH": os.defpath, "OPENAI_BASE_URL": scripted_door.url, "OPENAI_API_KEY": scripted_door.key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("“Why is the sky blue?”") == 2
