"""The table of environment variables, as Markdown."""

from deeper_api.config.settings import settings


def environment_matrix() -> str:
    """Return a Markdown table with a row for each setting; the README holds it, and a test keeps it fresh."""
    rows = ["| Variable | In the file | Default | Meaning |", "| --- | --- | --- | --- |"]
    for setting in settings():
        shown = setting.show(setting.default)
        default = f"`{shown}`" if shown else "(none)"
        rows.append(f"| `{setting.variable}` | `{setting.key}` | {default} | {setting.description} |")
    return "\n".join(rows) + "\n"
