"""The settings of a resumed run: its own, changed by the command alone."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from vae.config.moved import upgraded
from vae.config.nested import flat, moved
from vae.config.secret import HIDDEN
from vae.errors import ConfigError, RunError, one_line
from vae.runs.foreign import without_hosts
from vae.runs.places import relocated

Config = Mapping[str, Any]

# what every config.yaml of a run has
NEEDED = {"run_dir", "trainer", "callbacks", "data", "model", "objective", "optimizer"}
# where the data lies now
PLACES = ("data.root",)


def adopt(config: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """With resume=PATH, the settings of the run at that path, changed by the overrides alone.

    Arguments:
        config: The config as composed.
        overrides: The words of the command line.

    Raises:
        ConfigError: If a word chooses from a group other than logger, or the run's settings name
            a host or lack what was never written down.
        RunError: If there is no run at the path.
    """
    if wish(config) in (None, "auto"):
        return config
    home = run_directory(Path(str(config["resume"])).expanduser())
    before = read_config(home)
    settings = moved(before, str(before["run_dir"]), str(home))
    settings |= {name: config[name] for name in ("allow", "resume")} | {"run_dir": str(home)}
    # a search has ended its trial, and hears no more of it
    settings["callbacks"]["pruner"] = None
    keys = [word.lstrip("+~").partition("=")[0] for word in overrides]
    settings = without_hosts(settings, keys)
    for word, key in zip(overrides, keys, strict=True):
        group = key.partition("/")[0].partition("@")[0]
        if key in ("resume", "run_dir", "allow"):
            continue
        group_like = "." not in key and isinstance(config.get(key), Mapping | None)
        if key != "logger" and ("/" in key or group_like):
            raise ConfigError(
                f"resume= takes its choices from the run, got {word}; change single settings, for "
                f"instance trainer.max_epochs=, or leave the word {group} out."
            )
        *path, last = key.split(".")
        node, composed = settings, config
        for name in path:
            node, composed = node.setdefault(name, {}), composed.get(name, {})
        if key in PLACES:
            settings["data"] = relocated(settings["data"], str(composed[last]))
        elif last in composed:
            node[last] = deepcopy(composed[last])
        else:
            node.pop(last, None)
    settings = dict(moved(settings, str(config["run_dir"]), str(home)))
    if hidden := [key for key, value in flat(settings).items() if value == HIDDEN]:
        raise ConfigError(
            f"{hidden[0]} came from an environment variable and so was not written down; add "
            f"{hidden[0]}= and its value."
        )
    return settings


def wish(config: Config) -> str | None:
    """`resume` as "auto", a path or None; true and false are words for the first and the last."""
    known = {True: "auto", False: None, None: None}
    chosen = config["resume"]
    return known[chosen] if isinstance(chosen, bool) or chosen is None else str(chosen)


def run_directory(path: Path) -> Path:
    """The absolute run directory of a path: itself, or where a checkpoint lies."""
    if path.is_file():
        path = path.parent.parent if path.parent.name == "checkpoints" else path.parent
    return path.absolute()


def read_config(directory: Path) -> dict[str, Any]:
    """The config.yaml of a run directory.

    Raises:
        RunError: If there is none, or it is damaged.
    """
    path = directory / "config.yaml"
    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as e:
        raise RunError(
            f"resume= takes a run directory or a checkpoint in one, but {path} cannot be read "
            f"({one_line(e)}); give a directory that python -m vae.train wrote."
        ) from e
    if not isinstance(config, dict) or not set(config) >= NEEDED:
        raise RunError(
            f"a run's config.yaml holds its settings, but {path} does not; give a directory that "
            "python -m vae.train wrote."
        )
    return upgraded(config)
