"""The Weights & Biases logger, which is offline when there is no key and ends with its run."""

import os
import shlex
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only


class WandB(WandbLogger):
    """Lightning's logger for Weights & Biases, one W&B run for each of our runs.

    Without a key (WANDB_API_KEY, or `wandb login`) the run is kept offline, and how to send it
    later is printed.

    Arguments:
        save_dir: The run directory.
        project: The W&B project.
        options: More arguments of Lightning's logger, and through it of `wandb.init`.
    """

    def __init__(self, save_dir: str, project: str, **options: Any):
        if "WANDB_MODE" not in os.environ and not _has_key():
            # not Lightning's offline=True, with which it refuses artifacts
            options = {"mode": "offline", **options}
        super().__init__(save_dir=save_dir, project=project, **options)

    @rank_zero_only
    def close(self, failed: bool) -> None:
        """End the W&B run, as failed or finished, so that the next job gets its own.

        Arguments:
            failed: Whether the job raised an error.
        """
        if self._experiment is None:
            return
        run = self.experiment
        offline, folder = run.offline, Path(run.dir).parent
        run.finish(exit_code=int(failed))
        self._experiment = None
        if offline:
            print(f"W&B run kept offline; send it with: wandb sync {shlex.quote(str(folder))}")


def _has_key() -> bool:
    import wandb
    from requests.utils import get_netrc_auth

    settings = wandb.setup().settings
    return bool(settings.api_key) or get_netrc_auth(settings.base_url) is not None
