"""Types for TypeScript, made of the OpenAPI document as clients make them: openapi-typescript, and then tsc."""

import shutil
import subprocess
from pathlib import Path

from tests.api.contract.test_document import CHECKED_IN
from tests.fakes.node import BIN, installed

_HERE = Path(__file__).with_name("node")


def test_a_client_in_typescript_knows_bodies_frames_and_codes(tmp_path: Path):
    (tmp_path / "node_modules").symlink_to(installed(_HERE, "openapi-typescript") / "node_modules")
    shutil.copy(_HERE / "client.ts", tmp_path)
    made = ("openapi-typescript/bin/cli.js", CHECKED_IN, "--default-non-nullable=false", "--output", "schema.d.ts")
    compiled = ("typescript/bin/tsc", "--strict", "--noUncheckedIndexedAccess", "--noEmit", "client.ts")
    for script, *arguments in (made, compiled):
        ran = subprocess.run(
            [BIN / "node", tmp_path / "node_modules" / script, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
