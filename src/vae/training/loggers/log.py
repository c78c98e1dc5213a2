"""What our loggers can do beside numbers, and that none of them can end a run."""

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from PIL.Image import Image
from torch import Tensor

from vae.errors import one_line
from vae.runs.results import Results

Method = TypeVar("Method", bound=Callable[..., Any])


def harmless(method: Method) -> Method:
    """A method of a logger that tells of its errors once and lets the run go on.

    A server that fails, or a disk that is full, must cost a run neither its training nor its
    results.
    """

    @wraps(method)
    def safe(self: "Log", *arguments: Any, **options: Any) -> Any:
        if self.broken:
            return None
        try:
            return method(self, *arguments, **options)
        except Exception as e:  # noqa: BLE001
            self.fail(e)
            return None

    return cast(Method, safe)


class Log:
    """A logger's part in a run, from its start to its end; each does what it can.

    All of it happens on the first process alone.
    """

    # whether pictures are worth drawing
    pictures = False
    # whether it has failed, and is asked for nothing more
    broken = False

    @property
    def experiment(self) -> Any:
        """What the library logs to; None once it has failed, since Lightning asks for it again."""
        return None if self.broken else super().experiment  # type: ignore[misc]

    def fail(self, error: BaseException) -> None:
        """Say that this logger has failed; the run goes on without it."""
        self.broken = True
        text = one_line(error)
        print(
            f"warning: {type(self).__name__} has failed and logs no more ({text}); the run goes on",
            file=sys.stderr,
            flush=True,
        )

    def start(self, config: Mapping[str, Any], step: int) -> None:
        """Begin, or go on from a step.

        Arguments:
            config: The whole config, as plain values, without secrets.
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

    def close(self, results: Results | None, checkpoints: Mapping[str, Path], failed: bool) -> None:
        """End.

        Arguments:
            results: What the test found; None if there is none.
            checkpoints: The checkpoints' paths, by alias.
            failed: Whether the job raised an error.
        """
