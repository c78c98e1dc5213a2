"""What a multirun of train does at its end, whatever sweeper and launcher ran its jobs."""

import re
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write

from vae.errors import ConfigError

# launchers that run several jobs at once on this machine, by a word of their classes' names
PARALLEL = ("joblib", "ray", "LocalLauncher")


class Summary(Callback):
    """Remembers where the sweep goes; Hydra itself would call its end only if no job failed."""

    directory: Path | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Keep the sweep's directory, and have every job go there, whatever name it takes."""
        Summary.directory = directory = Path(config.hydra.sweep.dir).absolute()
        with read_write(config), open_dict(config):
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted(str(directory))}")
            config.hydra.sweep.dir = str(directory)


def note_failure(text: str) -> None:
    """Write why this job failed into its directory, for the summary; not if it left none."""
    directory = Path(HydraConfig.get().runtime.output_dir)
    if (directory / "config.yaml").is_file():
        (directory / "error.txt").write_text(text + "\n")


def quoted(text: str) -> str:
    """A word as a value of an override, whatever characters it has."""
    return "'" + re.sub(r"(\\*)'", lambda m: 2 * m[1] + "\\'", text) + "'"


def finish() -> None:
    """Summarise the sweep that this process has run, if it has run one."""
    directory, Summary.directory = Summary.directory, None
    if directory is not None and directory.is_dir():
        from vae.sweeps.summary import summarise

        summarise(directory)


def check(config: dict[str, Any]) -> None:
    """Refuse several processes for each of several jobs at once on one machine.

    Raises:
        ConfigError: If the launcher and the trainer ask for that.
    """
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
    from hydra.types import RunMode

    if not HydraConfig.initialized() or HydraConfig.get().mode is not RunMode.MULTIRUN:
        return None
    return "/".join(directory.parent.parts[-2:])
