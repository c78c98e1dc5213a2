"""Nests of dictionaries and lists: their dotted names, and paths in them that have moved."""

from collections.abc import Mapping
from typing import Any


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The settings by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def moved(value: Any, old: str, new: str) -> Any:
    """A copy in which paths at or below one directory, keys too, are below another."""
    if isinstance(value, Mapping):
        return {moved(k, old, new): moved(v, old, new) for k, v in value.items()}
    if isinstance(value, list):
        return [moved(v, old, new) for v in value]
    if isinstance(value, str) and (value == old or value.startswith(old + "/")):
        return new + value[len(old) :]
    return value
