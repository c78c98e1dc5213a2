"""What --help prints; Hydra's own takes a second to list what the folders already say."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from vae.config.groups import options

# groups of a command of their own, which the others do not have
ELSEWHERE = ("engine", "search")


def print_help(text: str, folders: Iterable[Path], groups: Sequence[str] | None = None) -> None:
    """Print a command's description, then its config groups.

    Arguments:
        text: The description.
        folders: The folders that configs are searched in.
        groups: The groups that the command has; None for all but those of one command alone.
    """
    print(text.strip())
    known = options(folders)
    if groups is None:
        groups = [g for g in known if g not in ELSEWHERE]
    shown = {g: w for g, w in known.items() if g in groups}
    if shown:
        print("\nConfig groups (GROUP=OPTION):\n")
    for group, found in shown.items():
        print(f"  {group}: {', '.join(found)}")
