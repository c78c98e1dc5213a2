"""Going on with a run that was interrupted: where from, and whether it is the same run."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vae.errors import ConfigError, RunError
from vae.nested import flat, moved
from vae.run import read_checkpoint

Config = Mapping[str, Any]

# settings that may differ when a run goes on: they change how, how long or where, not what
FREE = (
    "allow",
    "resume",
    "run_dir",
    "logger",
    "evaluate",
    "data.root",
    "data.source.root",
    "callbacks.monitor",
    "callbacks.progress",
    "callbacks.pruner",
    "callbacks.pictures",
    "callbacks.panels",
    "compile",
    "threads",
    "trainer.accelerator",
    "trainer.default_root_dir",
    "trainer.devices",
    "trainer.enable_checkpointing",
    "trainer.log_every_n_steps",
    "trainer.max_epochs",
    "trainer.max_steps",
    "trainer.max_time",
    "trainer.num_nodes",
    "trainer.strategy",
)


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Arguments:
        checkpoint: What it goes on from; None to begin anew.
        results: What results.json holds, if the run is finished already.
    """

    checkpoint: Path | None = None
    results: dict[str, Any] | None = None


def adopt(config: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """With resume=PATH, the settings of the run at that path, changed by the overrides alone.

    Arguments:
        config: The config as composed.
        overrides: The words of the command line.

    Raises:
        ConfigError: If a word chooses from a group other than logger.
        RunError: If there is no run at the path.
    """
    if wish(config) in (None, "auto"):
        return config
    home = run_directory(Path(str(config["resume"])))
    before = read_config(home)
    settings = moved(before, str(before["run_dir"]), str(home))
    settings |= {name: config[name] for name in ("allow", "resume")} | {"run_dir": str(home)}
    # a search has ended its trial, and hears no more of it
    settings["callbacks"]["pruner"] = None
    for word in overrides:
        key = word.lstrip("+~").partition("=")[0]
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
        if last in composed:
            node[last] = deepcopy(composed[last])
        else:
            node.pop(last, None)
    return dict(moved(settings, str(config["run_dir"]), str(home)))


def wish(config: Config) -> str | None:
    """`resume` as "auto", a path or None; true and false are words for the first and the last."""
    known = {True: "auto", False: None, None: None}
    return known[config["resume"]] if config["resume"] in known else str(config["resume"])


def run_directory(path: Path) -> Path:
    """The absolute run directory of a path: itself, or where a checkpoint lies."""
    if path.is_file():
        path = path.parent.parent if path.parent.name == "checkpoints" else path.parent
    return path.absolute()


def start(config: Config, directory: Path) -> Start:
    """Where a run with `resume` set begins.

    Arguments:
        config: The whole config.
        directory: The run directory.

    Raises:
        ConfigError: If the directory holds a run with other settings.
        RunError: If what it holds is damaged.
    """
    wanted = wish(config)
    if wanted is None:
        return Start()
    named = Path(wanted)
    if not (directory / "config.yaml").is_file():
        return Start()
    before = read_config(directory)
    if differing := differences(before, config):
        key, old, new = differing[0]
        more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
        raise ConfigError(
            f"a run resumes with the settings it began with, but {directory} has {key}={old} and "
            f"this has {key}={new}{more}; leave that setting as it was, or choose another run_dir."
        )
    longer = any(
        before["trainer"][name] != config["trainer"][name]
        for name in ("max_epochs", "max_steps", "max_time")
    )
    if named.is_file():
        return Start(checkpoint=named.absolute())
    results = None if longer else _results(directory)
    # SLURM's requeueing has Lightning leave one of its own
    kept = [directory / "checkpoints" / "last.ckpt", *directory.glob("hpc_ckpt_*.ckpt")]
    there = [path for path in kept if path.is_file()]
    return Start(max(there, key=lambda p: p.stat().st_mtime, default=None), results)


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
            f"({' '.join(str(e).split())[:200]}); give a directory that python -m vae.train wrote."
        ) from e
    if not isinstance(config, dict) or "trainer" not in config:
        raise RunError(
            f"a run's config.yaml holds its settings, but {path} does not; give a directory that "
            "python -m vae.train wrote."
        )
    return config


def differences(before: Config, now: Config) -> list[tuple[str, Any, Any]]:
    """The settings that two configs of one run may not differ in, but do."""
    one, two = (flat(moved(c, str(c["run_dir"]), ".")) for c in (before, now))
    keys = [*one, *(k for k in two if k not in one)]
    return [
        (key, one.get(key), two.get(key))
        for key in keys
        if one.get(key) != two.get(key) and not _is_free(key)
    ]


def _is_free(key: str) -> bool:
    return any(key == free or key.startswith(free + ".") for free in FREE)


def _results(directory: Path) -> dict[str, Any] | None:
    """results.json of a run whose test is done, closer look and all."""
    path = directory / "results.json"
    if not path.is_file():
        return None
    try:
        results = json.loads(path.read_text())
    except ValueError as e:
        raise RunError(
            f"a run's results.json holds what train wrote, but {path} cannot be read ({e}); move "
            "it away to have the run go on."
        ) from e
    return results if results.get("complete") else None


def step(checkpoint: Path | None) -> int:
    """The number of steps that a checkpoint has behind it; 0 without one.

    Raises:
        RunError: If it is not a checkpoint.
    """
    if checkpoint is None:
        return 0
    content = read_checkpoint(checkpoint)
    if not isinstance(content, dict) or not {"global_step", "optimizer_states"} <= set(content):
        raise RunError(
            f"training goes on from a checkpoint that training wrote, but {checkpoint} has no "
            "optimiser; give checkpoints/last.ckpt of a run."
        )
    return int(content["global_step"])
