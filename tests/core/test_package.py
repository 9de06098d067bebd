import re
import subprocess
import sys
from pathlib import Path

import deeper_core

README = Path(__file__).parents[2] / "packages" / "core" / "README.md"


def test_the_door_is_sorted_and_every_name_is_there():
    assert deeper_core.__all__ == sorted(set(deeper_core.__all__))
    assert [name for name in deeper_core.__all__ if not hasattr(deeper_core, name)] == []


def test_every_public_class_of_the_package_goes_through_the_door():
    modules = [module for name, module in sys.modules.items() if name.startswith("deeper_core.")]
    classes = {
        value.__name__
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and not value.__name__.startswith("_")
    }
    assert classes - set(deeper_core.__all__) == set()


def test_the_domain_needs_msgspec_and_nothing_else():
    script = (
        "import sys, msgspec; before = set(sys.modules); import deeper_core;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["deeper_core"]


def test_the_examples_of_the_readme_run():
    examples = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        subprocess.run([sys.executable, "-W", "error", "-c", example], check=True, timeout=60)
