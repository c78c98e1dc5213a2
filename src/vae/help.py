"""What --help prints; Hydra's own takes a second to list what the folders already say."""

from collections.abc import Iterable, Sequence
from pathlib import Path

# groups of a command of their own, which the others do not have
ELSEWHERE = ("engine", "search")


def choices(folders: Iterable[Path]) -> dict[str, list[str]]:
    """The words of every config group, for instance {"model/encoder": ["conv", "mlp"]}.

    Arguments:
        folders: The folders that configs are searched in.
    """
    words: dict[str, set[str]] = {}
    for folder in folders:
        for path in folder.rglob("*.yaml"):
            group = path.parent.relative_to(folder).as_posix()
            if group != ".":
                words.setdefault(group, set()).add(path.stem)
    return {group: sorted(words[group]) for group in sorted(words)}


def print_help(text: str, folders: Iterable[Path], groups: Sequence[str] | None = None) -> None:
    """Print a command's description, then its choices.

    Arguments:
        text: The description.
        folders: The folders that configs are searched in.
        groups: The groups that the command has; None for all but those of one command alone.
    """
    print(text.strip())
    known = choices(folders)
    if groups is None:
        groups = [g for g in known if g not in ELSEWHERE]
    shown = {g: w for g, w in known.items() if g in groups}
    if shown:
        print("\nChoices (GROUP=WORD):\n")
    for group, words in shown.items():
        print(f"  {group}: {', '.join(words)}")
