"""Configs of earlier versions, read as this version writes them."""

from collections.abc import Mapping
from typing import Any

# settings of evaluate that came later, each at its default
LATER = {
    "reconstructions": 0,
    "vgg": None,
    "lpips": None,
    "disentanglement": False,
    "dci": "boosted",
}
# classes that have moved, by the beginning of their old names; the longest that fits counts
MOVED = {
    "vae.callbacks.": "vae.training.callbacks.",
    "vae.callbacks.pictures.": "vae.evaluation.pictures.",
    "vae.loggers.": "vae.training.loggers.",
    "vae.multirun.": "vae.cli.multirun.",
    "vae.objectives.schedules.Capacity": "vae.objectives.schedules.capacity.Capacity",
    "vae.objectives.schedules.Constant": "vae.objectives.schedules.constant.Constant",
    "vae.objectives.schedules.Cyclical": "vae.objectives.schedules.cyclical.Cyclical",
    "vae.objectives.schedules.Linear": "vae.objectives.schedules.linear.Linear",
    "vae.schedules.Constant": "vae.training.schedules.constant.Constant",
    "vae.schedules.Cosine": "vae.training.schedules.cosine.Cosine",
    "vae.schedules.OneCycle": "vae.training.schedules.one_cycle.OneCycle",
}
SOURCES = "vae.data.sources."


def current(target: str) -> str:
    """The name that a class has now."""
    fitting = [old for old in MOVED if target.startswith(old)]
    if not fitting:
        return target
    old = max(fitting, key=len)
    return MOVED[old] + target.removeprefix(old)


def upgraded(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config with the names and the settings of this version.

    A source's settings once stood under data.source as well as under data, and the place of the
    data was called data.path for some sources.

    Arguments:
        config: A whole config, of this version or an earlier one.
    """
    found = {str(k): _renamed(v) for k, v in config.items()}
    if isinstance(model := found.get("model"), dict) and "encoder" in model:
        # there was one family, which needed no name
        model.setdefault("_target_", "vae.model.families.vae.VAE")
        # and nothing was conditional
        for name, usual in (("condition", None), ("context_size", "auto"), ("embedding", None)):
            model.setdefault(name, usual)
    if isinstance(test := found.get("evaluate"), dict):
        # what a test did not look at yet, it does not by default
        found["evaluate"] = LATER | test
    data = found.get("data")
    if isinstance(data, dict) and isinstance(data.get("source"), dict):
        found["data"] = _typed_once(data)
    return found


def _renamed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            k: current(v) if k == "_target_" and isinstance(v, str) else _renamed(v)
            for k, v in value.items()
        }
    return [_renamed(v) for v in value] if isinstance(value, list) else value


def _typed_once(data: dict[str, Any]) -> dict[str, Any]:
    source = dict(data["source"])
    if not str(source.get("_target_")).startswith(SOURCES):
        # the settings of a class of the user's stand where the user has put them
        return data
    kept = {k: source.pop(k) for k in ("_target_", "mirrors") if k in source}
    merged = {**{k: v for k, v in data.items() if k != "source"}, **source}
    if "path" in merged:
        path = merged.pop("path")
        merged["root"] = path if merged.get("root") is None else merged["root"]
    return {**merged, "source": kept}
