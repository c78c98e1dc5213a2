"""What --help prints: a description, the settings, and the config groups with their options."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic.fields import FieldInfo

from vae.config.check import fields
from vae.config.groups import options
from vae.config.settings import COMMANDS

# groups of a command of their own, which the others do not have
ELSEWHERE = ("engine", "search")


def print_help(
    text: str, command: str, folders: Iterable[Path], groups: Sequence[str] | None = None
) -> None:
    """Print a command's description, its settings and its config groups.

    Hydra's own help takes a second to list what the folders already say.

    Arguments:
        text: The description.
        command: The command, by its primary config's name.
        folders: The folders that configs are searched in.
        groups: The groups that the command has; None for all but those of one command alone.
    """
    print(text.strip())
    if command in COMMANDS:
        print("\nSettings (NAME=VALUE), with their defaults:\n")
    for name, _, field in fields(COMMANDS[command]) if command in COMMANDS else ():
        print(f"  {f'{name}={default_of(field)}':32} {field.description}")
    known = options(folders)
    if groups is None:
        groups = [g for g in known if g not in ELSEWHERE]
    shown = {g: w for g, w in known.items() if g in groups}
    if shown:
        print("\nConfig groups (GROUP=OPTION):\n")
    for group, found in shown.items():
        print(f"  {group}: {', '.join(found)}")


def default_of(field: FieldInfo) -> str:
    """A default as it is written on the command line; nothing where there is none."""
    value = field.default
    if field.is_required():
        return ""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
