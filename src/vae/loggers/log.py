"""What our loggers can do beside numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL.Image import Image
from torch import Tensor


class Log:
    """A logger's part in a run, from its start to its end; each does what it can.

    All of it happens on the first process alone.
    """

    # whether pictures are worth drawing
    pictures = False

    def start(self, config: Mapping[str, Any], step: int) -> None:
        """Begin, or go on from a step.

        Arguments:
            config: The whole config, as plain values.
            step: The number of steps already taken: 0 in a run that was not resumed.
        """

    def picture(self, name: str, image: Image, step: int) -> None:
        """Show a picture.

        Arguments:
            name: Its panel.
            image: The picture.
            step: When.
        """

    def embedding(self, z: Tensor, label: Tensor, images: Tensor) -> None:
        """Show where examples lie in the latent space.

        Arguments:
            z: E[z|x], with shape (N, D).
            label: Their classes, with shape (N,).
            images: The examples, with values in [0, 1] and shape (N, C, H, W).
        """

    def close(
        self, results: Mapping[str, Any] | None, checkpoints: Mapping[str, Path], failed: bool
    ) -> None:
        """End.

        Arguments:
            results: What results.json holds; None if there is none.
            checkpoints: The checkpoints' paths, by alias.
            failed: Whether the job raised an error.
        """
