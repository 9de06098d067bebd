import re
import subprocess
import sys
from pathlib import Path

import deeper_auth
from deeper_auth import conformance

README = Path(__file__).parents[2] / "packages" / "auth" / "README.md"


def test_the_door_is_sorted_and_every_name_is_there():
    assert deeper_auth.__all__ == sorted(set(deeper_auth.__all__))
    assert [name for name in deeper_auth.__all__ if not hasattr(deeper_auth, name)] == []


def classes_of(prefix: str, without: str = "\0") -> set[str]:
    modules = [module for name, module in sys.modules.items() if name.startswith(prefix) and without not in name]
    return {
        value.__name__
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and not value.__name__.startswith("_")
    }


def test_every_public_class_of_the_package_goes_through_the_door():
    assert classes_of("deeper_auth.", without="conformance") - set(deeper_auth.__all__) == set()


def test_the_suite_has_a_door_of_its_own():
    assert [name for name in conformance.__all__ if not hasattr(conformance, name)] == []
    assert classes_of("deeper_auth.conformance") - set(conformance.__all__) == set()


def test_the_package_does_without_pytest():
    code = "import deeper_auth, sys; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_neither_a_server_nor_a_database_is_imported():
    script = "import sys, deeper_auth; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    foreign = {"litestar", "granian", "psycopg", "psycopg_pool", "yoyo", "coredis", "aiohttp", "deeper_api"}
    assert set(done.stdout.split()) & foreign == set()
    assert "deeper_core" in done.stdout.split()


def test_the_five_minute_example_of_the_readme_runs_and_prints_what_it_says():
    code, output = re.findall(r"```(?:python|text)\n(.*?)```", README.read_text("utf-8"), re.DOTALL)[:2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == output
