"""The TensorBoard logger, with pictures and the embedding projector."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL.Image import Image
from torch import Tensor

from vae.runs.results import Results
from vae.training import internals
from vae.training.loggers.log import Log, harmless


class TensorBoard(Log, TensorBoardLogger):
    """Lightning's logger for TensorBoard.

    Arguments:
        save_dir: The run directory; events go to its folder tensorboard.
    """

    pictures = True

    def __init__(self, save_dir: str):
        super().__init__(save_dir=save_dir, name="tensorboard", version="", default_hp_metric=False)

    @rank_zero_only
    @harmless
    def start(self, config: Mapping[str, Any], step: int) -> None:
        """Show the config; hide what an interrupted run logged after the step it resumes from."""
        if step:
            internals.hide_from(self, step)
        text = yaml.safe_dump(dict(config), sort_keys=False)
        self.experiment.add_text("config", f"```\n{text}\n```", step)

    @rank_zero_only
    @harmless
    def picture(self, name: str, image: Image, step: int) -> None:
        """Add a picture."""
        self.experiment.add_image(name, np.asarray(image.convert("RGB")), step, dataformats="HWC")

    @rank_zero_only
    @harmless
    def embedding(self, z: Tensor, label: Tensor, images: Tensor) -> None:
        """Add the points to the projector."""
        self.experiment.add_embedding(z, label.tolist(), images, tag="latents")

    @rank_zero_only
    @harmless
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add numbers."""
        super().log_metrics(dict(metrics), step)

    @rank_zero_only
    @harmless
    def save(self) -> None:
        """Write what is held back."""
        super().save()

    @rank_zero_only
    @harmless
    def finalize(self, status: str) -> None:
        """Write what is held back."""
        super().finalize(status)

    @rank_zero_only
    @harmless
    def close(self, results: Results | None, checkpoints: Mapping[str, Path], failed: bool) -> None:
        """Flush and end."""
        self.experiment.close()
