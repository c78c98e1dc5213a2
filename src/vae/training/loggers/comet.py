"""The Comet logger: a run of ours is one of theirs, also when resumed or without their server."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from PIL.Image import Image

from vae import files
from vae.errors import needs_extra, one_line
from vae.runs.results import Results
from vae.training.loggers.log import Log, harmless
from vae.training.loggers.patience import reachable, within


class Comet(Log, Logger):
    """One Comet experiment for each of our runs, with pictures, the config and the checkpoints.

    Without a key (COMET_API_KEY, or `comet login`), or where the server does not answer in time,
    the experiment is kept in the run directory, and Comet prints how to send it later. Lightning's
    own CometLogger asks the server in its constructor, and keeps nothing offline.

    Arguments:
        save_dir: The run directory.
        project: The Comet project.
        name: The experiment's name.
        workspace: The workspace; null for the key's own.
        tags: Words to find it by.
        online: Whether to send; null with a key.
        wait: How long the server may take to begin, in seconds.
        finish: How long the end of the run may wait for the upload, in seconds.

    Raises:
        ConfigError: If comet_ml is not installed.
    """

    pictures = True

    def __init__(
        self,
        save_dir: str,
        project: str,
        name: str | None = None,
        workspace: str | None = None,
        tags: Sequence[str] = (),
        online: bool | None = None,
        wait: float = 10.0,
        finish: float = 120.0,
    ):
        # it would patch torch, and wants to be imported first for that
        os.environ.setdefault("COMET_DISABLE_AUTO_LOGGING", "1")
        # reports of its own errors, for which the end of a process without a network would wait
        os.environ.setdefault("COMET_ERROR_TRACKING_ENABLE", "false")
        try:
            import comet_ml  # noqa: F401
        except ImportError as e:
            raise needs_extra("logger=comet", "Comet", "comet") from e
        super().__init__()
        self.folder = Path(save_dir, "comet")
        self.project, self.title, self.workspace = project, name, workspace
        self.tags, self.online = list(tags), online
        self.wait, self.limit = wait, finish
        self.run: Any = None

    @property
    def experiment(self) -> Any:
        """Comet's experiment; None before the start and after the end."""
        return None if self.broken else self.run

    @property
    def name(self) -> str:
        """The project."""
        return self.project

    @property
    def version(self) -> str | None:
        """The experiment's key; None before the start."""
        return None if self.run is None else str(self.run.get_key())

    @rank_zero_only
    @harmless
    def start(self, config: Mapping[str, Any], step: int) -> None:
        """Begin the experiment with the config, or go on in it; offline if that takes too long."""
        online = self.online if self.online is not None else _has_key()
        if online and not reachable(_server(), self.wait):
            print(f"Comet's server {_server()} does not answer, so this run is kept offline")
            online = False
        key_file = self.folder / "key.txt"
        known = key_file.read_text().strip() if key_file.is_file() else None
        try:
            self.run = within(self.wait, partial(self.begin, online, known))
        except Exception as e:
            if not online:
                raise
            print(f"Comet did not begin ({one_line(e, 120)}), so this run is kept offline")
            self.run = within(60, partial(self.begin, False, known))
        files.write(key_file, f"{self.run.get_key()}\n")
        self.run.log_parameters(dict(config))
        text = yaml.safe_dump(dict(config), sort_keys=False)
        self.run.log_asset_data(text, name="config.yaml", overwrite=True)

    def begin(self, online: bool, key: str | None) -> Any:
        """Comet's experiment: that of a key, or a new one."""
        import comet_ml

        self.folder.mkdir(parents=True, exist_ok=True)
        settings = comet_ml.ExperimentConfig(
            name=self.title,
            tags=self.tags,
            offline_directory=str(self.folder),
            log_code=False,
            log_graph=False,
            parse_args=False,
            display_summary_level=0,
            auto_param_logging=False,
            auto_metric_logging=False,
            auto_output_logging=False,
        )
        return comet_ml.start(
            workspace=self.workspace,
            project_name=self.project,
            experiment_key=key,
            mode="create" if key is None else "get_or_create" if online else "get",
            online=online,
            experiment_config=settings,
        )

    @rank_zero_only
    def log_hyperparams(self, *arguments: Any, **options: Any) -> None:
        """Nothing: `start` has sent the config."""

    @rank_zero_only
    @harmless
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add numbers."""
        found = {k: float(v) for k, v in metrics.items() if k != "epoch"}
        self.run.log_metrics(found, step=step, epoch=metrics.get("epoch"))

    @rank_zero_only
    @harmless
    def picture(self, name: str, image: Image, step: int) -> None:
        """Add a picture."""
        self.run.log_image(image, name=name, step=step)

    @rank_zero_only
    def close(self, results: Results | None, checkpoints: Mapping[str, Path], failed: bool) -> None:
        """Add the results and the checkpoints, and end the experiment."""
        run, self.run = self.run, None
        if run is None:
            return
        try:
            within(self.limit, lambda: _end(run, results, checkpoints, failed))
        except Exception as e:  # noqa: BLE001
            self.fail(e)


def _end(run: Any, results: Results | None, checkpoints: Mapping[str, Path], failed: bool) -> None:
    if results is not None:
        found = {k: v for k, v in results.numbers().items() if not isinstance(v, str)}
        run.log_metrics(found)
    for alias, path in checkpoints.items():
        run.log_model(alias, str(path), overwrite=True)
    if failed:
        run.add_tags(["failed"])
    run.end()


def _has_key() -> bool:
    from comet_ml.config.config_api import get_api_key, get_config

    return bool(get_api_key(None, get_config()))


def _server() -> str:
    from comet_ml.config.config_api import get_comet_root_url, get_config

    return str(get_comet_root_url(get_config()))
