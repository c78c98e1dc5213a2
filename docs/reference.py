"""Write docs/reference.md: every setting of every command, and every option of every config group.

    python docs/reference.py

The settings come from their models in src/vae/config/settings.py, the options from conf/.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from vae.cli.help import default_of
from vae.config.check import fields
from vae.config.settings import COMMANDS

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_suffix(".md")


def settings(command: str) -> Iterable[str]:
    """A command's settings as a table."""
    yield "| setting | default | what it is |"
    yield "|---|---|---|"
    for name, _, field in fields(COMMANDS[command]):
        description = (field.description or "").replace("|", "\\|")
        default = default_of(field)
        yield f"| `{name}` | {f'`{default}`' if default else 'required'} | {description} |"


def options(group: Path) -> Iterable[str]:
    """A config group's options, each with its file, whose comments explain its settings."""
    name = group.relative_to(ROOT / "conf").as_posix()
    yield f"### {name}"
    yield ""
    for path in sorted(group.glob("*.yaml")):
        text = path.read_text().strip()
        if name == "experiment":
            source = re.search(r"^# Source: (.*?)(?=^# \w+:)", text, re.MULTILINE | re.DOTALL)
            assert source, path
            words = " ".join(line.strip("# ") for line in source[1].splitlines())
            yield f"- `experiment={path.stem}`: {words}"
        else:
            yield from (f"`{name}={path.stem}`", "", "```yaml", text, "```", "")
    yield ""


def page() -> str:
    """The page."""
    lines = [
        "# Every setting",
        "",
        "Written by `python docs/reference.py` from the settings' models and from `conf/`.",
        "A setting is given as `NAME=VALUE`, an option of a config group as `GROUP=OPTION`, and a",
        "setting of an option under its group: `model.prior.components=100`.",
        "",
        "## Commands",
        "",
    ]
    for command in COMMANDS:
        lines += [f"### vae.{command.replace('/', '.')}", "", *settings(command), ""]
    lines += ["## Config groups", ""]
    groups = {path.parent for path in (ROOT / "conf").rglob("*.yaml")} - {ROOT / "conf"}
    for group in sorted(groups):
        lines += options(group)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
