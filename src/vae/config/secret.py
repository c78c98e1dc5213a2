"""Values that are used but never written down: what came from the environment, and passwords."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

HIDDEN = "***"
# variables that say where and under what name a run is, and so belong into its record
PUBLIC = ("SLURM_", "WANDB_PROJECT", "WANDB_NAME", "WANDB_JOB_TYPE", "HOME", "USER", "TMPDIR")
# settings that say where things lie, and what they are called
PLACES = {
    *("root", "path", "run_dir", "dirpath", "save_dir", "default_root_dir", "out", "name"),
    *("project", "entity", "group", "job_type", "seed", "devices", "num_nodes"),
}
_PASSWORD = re.compile(r"(\w[\w+.-]*://[^\s/:@'\"]*):[^\s/@'\"]+@")


class Secret(str):
    """A word that `recorded` replaces by stars."""

    __slots__ = ()


def redacted(text: str) -> str:
    """A text whose addresses hold no passwords."""
    return _PASSWORD.sub(rf"\1:{HIDDEN}@", text)


def recorded(value: Any) -> Any:
    """A copy of some settings as files, reports and dashboards may show them."""
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {k: recorded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [recorded(v) for v in value]
    return value


def with_secrets(resolved: dict[Any, Any], raw: Any) -> dict[Any, Any]:
    """The resolved settings, those that an environment variable entered as secrets.

    A setting is one if it names a variable, or refers to a setting that is one; where things lie,
    and what they are called, is no secret.

    Arguments:
        resolved: Plain values.
        raw: The same with interpolations as they were written.
    """
    written = dict(_leaves(raw, ()))
    private = {place for place, text in written.items() if _names_a_variable(text)}
    while True:
        more = {
            place
            for place, text in written.items()
            if place not in private and any(r in private for r in _references(text, place))
        }
        if not more:
            break
        private |= more
    marked = _marked(resolved, (), {p for p in private if p[-1] not in PLACES})
    assert isinstance(marked, dict)
    return marked


def _leaves(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    children = dict(enumerate(value)) if isinstance(value, list) else value
    for key, child in children.items() if isinstance(children, dict) else ():
        if isinstance(child, str):
            yield (*place, str(key)), child
        else:
            yield from _leaves(child, (*place, str(key)))


def _names_a_variable(text: str) -> bool:
    names = re.findall(r"oc\.env:\s*['\"]?(\w+)", text)
    return any(not name.startswith(PUBLIC) for name in names)


def _references(text: str, place: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The settings that a text refers to, as ${a.b}, ${a[0]}, or ${.b} beside it."""
    for dots, name in re.findall(r"\$\{(\.*)([\w.\[\]]+)\}", text):
        parts = tuple(re.sub(r"\[(\w+)\]", r".\1", name).strip(".").split("."))
        yield (*place[: len(place) - len(dots)], *parts) if dots else parts


def _marked(value: Any, place: tuple[str, ...], private: set[tuple[str, ...]]) -> Any:
    if isinstance(value, dict):
        return {k: _marked(v, (*place, str(k)), private) for k, v in value.items()}
    if isinstance(value, list):
        return [_marked(v, (*place, str(i)), private) for i, v in enumerate(value)]
    return Secret(value) if isinstance(value, str) and place in private else value
