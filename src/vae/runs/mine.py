"""The run directories that this process began, or went on with."""

from pathlib import Path

_mine: set[Path] = set()


def is_mine(directory: Path) -> bool:
    """Whether this process began the run in a directory, or went on with it."""
    return directory.absolute() in _mine


def take(directory: Path) -> None:
    """Remember a directory."""
    _mine.add(directory.absolute())


def give_back(directory: Path) -> None:
    """Forget a directory."""
    _mine.discard(directory.absolute())
