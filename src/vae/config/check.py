"""A command's config checked against its settings."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, get_type_hints

from pydantic import BaseModel

from vae.config.make import convert
from vae.config.nested import flat
from vae.config.settings import COMMANDS, Model, Node
from vae.errors import ConfigError

# the fewest images that a measure needs
FEWEST = {"fid": 100, "probe": 10}


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The settings that are no config group: dotted name, type and pydantic's field of each."""
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        hint = hints[name]
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            yield from fields(hint, f"{prefix}{name}.")
        elif hint not in (Node, Node | None):
            yield f"{prefix}{name}", hint, field


def check(config: Mapping[str, Any], command: str) -> None:
    """Refuse a setting that there is not, or of the wrong type.

    Arguments:
        config: The whole config.
        command: The command, by its primary config's name.

    Raises:
        ConfigError: If there is one.
    """
    model = COMMANDS[command]
    for group in ("experiment", "debug"):
        if command == "train" and config.get(group) is not None:
            raise ConfigError(
                f"a file in {group}/ sets the whole config and begins with the line "
                "# @package _global_, which this one lacks; add the line."
            )
    _check_names(config, model, also=("experiment", "debug") if command == "train" else ())
    for where, setting in flat(config).items():
        if setting == "???":
            raise ConfigError(f"{where} must be set, got nothing; add {where}= and its value.")
    for where, hint, _ in fields(model):
        value: Any = config
        node: Any = config
        if where.startswith("model.") and where.split(".")[1] not in config["model"]:
            # a family of models has the settings and the parts that it has
            continue
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
    vgg, lpips = asked.get("vgg"), asked.get("lpips")
    if (vgg is None) != (lpips is None):
        raise ConfigError(
            f"LPIPS takes the weights of VGG-16 and linear ones, got vgg={vgg} and lpips={lpips}; "
            "set both, or neither."
        )
    for name, path in (("vgg", vgg), ("lpips", lpips)):
        if path and not path.startswith("hf://") and not Path(path).expanduser().is_file():
            raise ConfigError(
                f"{name} names a file of weights, but {path} does not exist; give one that does."
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
    groups = [name for name, hint in get_type_hints(Model).items() if hint == Node]
    for part, node in config["model"].items():
        if part in groups and not isinstance(node, Mapping):
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


def _check_names(
    config: Mapping[str, Any], model: type[BaseModel], prefix: str = "", also: Iterable[str] = ()
) -> None:
    """Refuse settings that nothing reads, with the nearest that something does."""
    known = [*model.model_fields, *also]
    hints = get_type_hints(model)
    for key, value in config.items():
        # a class that has settings of its own refuses what it does not know
        if key not in known and model.model_config.get("extra") != "allow":
            close = difflib.get_close_matches(f"{prefix}{key}", [prefix + k for k in known], n=1)
            remedy = f"did you mean {close[0]}?" if close else "--cfg job prints those there are."
            raise ConfigError(f"a setting must exist to be set, got {prefix}{key}; {remedy}")
        hint = hints.get(key)
        if isinstance(hint, type) and issubclass(hint, BaseModel) and isinstance(value, Mapping):
            _check_names(value, hint, f"{prefix}{key}.")
