"""Settings that no class checks: which each command has, and of what types."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field

from vae.config.groups import config_dir
from vae.config.make import convert
from vae.config.nested import flat
from vae.errors import ConfigError

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]

EVALUATION = {
    "num_samples": Count,
    "memory": Annotated[float, Field(ge=1)],
    "surgery": Count,
    "probe": Count,
    "fid": Count,
    "finetune": Count,
    "finetune_steps": Positive,
}
TRAIN = {
    "name": str,
    "run_dir": str,
    "seed": Seed,
    "allow": list[str],
    "resume": str | bool | None,
    "compile": bool,
    "threads": Positive | None,
    "model.latent_dim": Positive,
    "model.output_bias": Literal["data", "zero"],
} | {f"evaluate.{name}": hint for name, hint in EVALUATION.items()}
RUN = {
    "run": str,
    "out": str | None,
    "data.root": str | None,
    "seed": Seed,
    "allow": list[str],
}
EVALUATE = RUN | {"pictures": Count, "other_data": bool} | EVALUATION
GENERATE = RUN | {
    "what": Literal["samples", "reconstructions", "interpolation", "traversal", "manifold"],
    "count": Positive,
    "split": Literal["train", "val", "test"],
}
INDEX = {
    "run": str | None,
    "index": str | None,
    "root": str | None,
    "split": Literal["train", "val", "test"],
    "distance": Literal["euclidean", "cosine", "wasserstein"],
    "remove": list[str | int],
    "data.root": str | None,
    "allow": list[str],
}
QUERY = {
    "index": str,
    "image": str | list[str],
    "k": Positive,
    "label": str | int | None,
    "out": str | None,
    "url": str | None,
    "allow": list[str],
}
EXPORT = {
    "run": str,
    "format": Literal["safetensors", "torch_export", "onnx"],
    "out": str | None,
    "push": str | None,
    "allow": list[str],
}
APP = {
    "run": str,
    "index": str | None,
    "host": str,
    "port": Annotated[int, Field(ge=1, le=65535)],
    "max_megabytes": Positive,
    "max_megapixels": Positive,
    "max_uploads": Positive,
    "url": str | None,
    "data.root": str | None,
    "allow": list[str],
}
FIT_PRIOR = RUN | {"examples": Positive}
MODEL = ("latent_dim", "output_bias", "encoder", "decoder", "posterior", "prior", "likelihood")
# settings that are under another, where no class says which there are
INSIDE = {"evaluate": tuple(EVALUATION), "model": MODEL, "data": ("root",)}
# the fewest that a measure needs
FEWEST = {"fid": 100, "probe": 10}


def check(config: Mapping[str, Any], hints: Mapping[str, Any], command: str) -> None:
    """Refuse a setting that there is not, or of the wrong type.

    Arguments:
        config: The whole config.
        hints: The types, by the settings' dotted names.
        command: The command, by its primary config's name.

    Raises:
        ConfigError: If there is one.
    """
    _check_names(config, command)
    for where, setting in flat(config).items():
        if setting == "???":
            raise ConfigError(f"{where} must be set, got nothing; add {where}= and its value.")
    for where, hint in hints.items():
        value: Any = config
        node: Any = config
        for key in where.split("."):
            if not isinstance(value, Mapping) or key not in value:
                raise ConfigError(f"{where} must be set, got nothing; leave it in the config.")
            node, value = value, value[key]
        converted = convert(value, hint, where)
        if isinstance(converted, str) and isinstance(node, dict):
            # names and paths of digits
            node[key] = converted
    if command == "train":
        _check_places(config)
    asked = config.get("evaluate", config)
    for name, least in FEWEST.items():
        if 0 < asked.get(name, 0) < least:
            raise ConfigError(
                f"{name} needs at least {least} images, or 0 for none, got {asked[name]}; set it "
                "so."
            )
    if asked.get("finetune") and not asked["num_samples"]:
        raise ConfigError(
            "finetune estimates log p(x) with num_samples samples, got num_samples=0; set it to 1 "
            "or more, or finetune=0."
        )


def _check_places(config: Mapping[str, Any]) -> None:
    """Refuse names and folders that are none, and groups without a choice."""
    name, run_dir = config["name"], config["run_dir"]
    parts = PurePath(name).parts
    if not name.strip() or not name.isprintable() or ".." in parts or PurePath(name).is_absolute():
        raise ConfigError(
            f"name is a run's name, which its folder has too, got {name!r}; give a word or a few, "
            "without .. in it."
        )
    if not run_dir.strip() or not run_dir.isprintable():
        raise ConfigError(
            f"run_dir is the folder that a run is kept in, got {run_dir!r}; name one, or leave it "
            "out."
        )
    for part, node in config["model"].items():
        if part not in ("latent_dim", "output_bias") and not isinstance(node, Mapping):
            raise ConfigError(
                f"model.{part} is a group of settings, got {node}; choose one with "
                f"model/{part}={node}."
            )
    for group in ("data", "model", "objective", "optimizer", "trainer"):
        if not isinstance(config.get(group), Mapping):
            raise ConfigError(
                f"{group} is a group of settings, got {config.get(group)}; choose one with "
                f"{group}=."
            )
    if not isinstance(config["data"].get("source"), Mapping):
        raise ConfigError(
            f"data.source says where images come from, got {config['data'].get('source')}; choose "
            "a data set with data=."
        )
    if str(config["trainer"].get("limit_train_batches")) in ("0", "0.0"):
        raise ConfigError(
            "training takes at least one batch, got trainer.limit_train_batches=0; set it to 1 or "
            "more, or to null for all."
        )


def _check_names(config: Mapping[str, Any], command: str) -> None:
    """Refuse settings that nothing reads, with the nearest that something does."""
    known = names(command)
    for group in ("experiment", "debug"):
        if group in known and config.get(group) is not None:
            raise ConfigError(
                f"a file in {group}/ sets the whole config and begins with the line "
                "# @package _global_, which this one lacks; add the line."
            )
    for key in config:
        if key not in known:
            raise _unknown(key, known)
    for group, inside in INSIDE.items():
        node = config.get(group)
        if isinstance(node, Mapping) and "_target_" not in node:
            for key in node:
                if key not in inside:
                    raise _unknown(f"{group}.{key}", [f"{group}.{name}" for name in inside])


def _unknown(key: str, known: Iterable[str]) -> ConfigError:
    close = difflib.get_close_matches(key, list(known), n=1)
    remedy = f"did you mean {close[0]}?" if close else "--cfg job prints those there are."
    return ConfigError(f"a setting must exist to be set, got {key}; {remedy}")


def names(command: str) -> list[str]:
    """The settings and groups at the top of a command's config.

    Arguments:
        command: Its primary config's name.
    """
    content = yaml.safe_load((config_dir() / f"{command}.yaml").read_text())
    found = [key for key in content if key not in ("defaults", "hydra")]
    for entry in content.get("defaults", []):
        for group in entry if isinstance(entry, Mapping) else []:
            path, _, package = str(group).partition("@")
            if path.startswith("override "):
                continue
            if package == "_here_":
                folder = config_dir() / path / f"{entry[group]}.yaml"
                found += list(yaml.safe_load(folder.read_text()))
            else:
                found.append((package or path).strip("/").split("/")[0])
    return found
