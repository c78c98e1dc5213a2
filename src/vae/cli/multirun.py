"""What a multirun of train does at its end, whatever sweeper and launcher ran its jobs."""

import itertools
import re
import sys
from pathlib import Path
from traceback import format_exception
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from vae import files
from vae.errors import ConfigError
from vae.runs.mine import is_mine

# launchers that run several jobs at once on this machine, by a word of their classes' names
PARALLEL = ("joblib", "ray", "LocalLauncher")


class Summary(Callback):
    """Remembers where the sweep goes; Hydra itself would call its end only if no job failed."""

    directory: Path | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Keep the sweep's directory, and have every job go there, whatever name it takes.

        A directory that nobody named, but the time did, is one of the sweep's own: another that
        began in the same second has the next name.
        """
        named = "${now" not in str(OmegaConf.to_container(config.hydra.sweep, resolve=False))
        directory = Path(config.hydra.sweep.dir).absolute()
        if not named:
            directory = _new_folder(directory)
        Summary.directory = directory
        with read_write(config), open_dict(config):
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted(str(directory))}")
            config.hydra.sweep.dir = str(directory)


def _new_folder(directory: Path) -> Path:
    """Make a folder that was not there, under this name or the next."""
    for number in itertools.count(1):
        name = directory.name if number == 1 else f"{directory.name}-{number}"
        candidate = directory.with_name(name)
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            continue
        return candidate
    raise AssertionError("there is always a next number")


def note_failure(text: str | None, unexpected: BaseException | None) -> None:
    """Write why this job failed into its own directory; not if it left none.

    Arguments:
        text: The sentence, for the summary of a sweep; None outside one.
        unexpected: The error, if its traceback may be needed.
    """
    directory = Path(HydraConfig.get().runtime.output_dir)
    if not is_mine(directory):
        return
    try:
        if text is not None:
            files.write(directory / "error.txt", text + "\n")
        if unexpected is not None:
            files.write(directory / "traceback.txt", "".join(format_exception(unexpected)))
    except OSError as e:
        print(f"warning: {directory} cannot be written ({e})", file=sys.stderr, flush=True)


def quoted(text: str) -> str:
    """A word as a value of an override, whatever characters it has."""
    return "'" + re.sub(r"(\\*)'", lambda m: 2 * m[1] + "\\'", text) + "'"


def finish() -> None:
    """Summarise the sweep that this process has run, if it has run one."""
    directory, Summary.directory = Summary.directory, None
    if directory is not None and directory.is_dir():
        from vae.cli.sweeps.summary import summarise

        summarise(directory)


def check(config: dict[str, Any]) -> None:
    """Refuse what a multirun cannot do: jobs in one directory, or fighting for a machine.

    Raises:
        ConfigError: If the launcher and the trainer ask for that.
    """
    job = HydraConfig.get()
    named = [w for w in job.overrides.task if w.startswith("run_dir=")]
    if job.mode is RunMode.MULTIRUN and named:
        raise ConfigError(
            "each job of a multirun has a directory of its own below the sweep's, got "
            f"{named[0]}; set hydra.sweep.dir= instead."
        )
    launcher = str(HydraConfig.get().launcher["_target_"])
    trainer = config["trainer"]
    if any(word in launcher for word in PARALLEL) and str(trainer["devices"]) != "1":
        raise ConfigError(
            "a launcher that runs jobs side by side on one machine would have them fight for its "
            f"devices, got {launcher.rpartition('.')[2]} with trainer.devices={trainer['devices']};"
            " set trainer.devices=1, or leave hydra/launcher out to run one job after another."
        )


def group_of(directory: Path) -> str | None:
    """The name that jobs of one sweep share in a dashboard; None outside a multirun.

    Arguments:
        directory: The job's directory.
    """
    if not HydraConfig.initialized() or HydraConfig.get().mode is not RunMode.MULTIRUN:
        return None
    return "/".join(directory.parent.parts[-2:])
