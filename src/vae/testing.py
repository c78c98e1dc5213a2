"""The test of a model, at the end of training and on request."""

import logging
import time
import warnings
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Trainer

from vae.analysis import analyse
from vae.data.module import DataModule
from vae.evaluation import EvaluationModule


def test(
    module: EvaluationModule, data: DataModule, trainer: Trainer, settings: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], float]:
    """Test on every process, then look closer on the first.

    Arguments:
        module: The module.
        data: The data module.
        trainer: The trainer.
        settings: As in conf/evaluation.

    Returns:
        What `analyse` found (nothing on processes but the first), and the seconds it all took.
    """
    start = time.perf_counter()
    trainer.test(module, datamodule=data, verbose=False)
    found: dict[str, dict[str, Any]] = {}
    if trainer.is_global_zero:
        found = analyse(module, data, settings, trainer.strategy.root_device)
    trainer.strategy.barrier()
    return found, time.perf_counter() - start


def quiet() -> None:
    """Leave out what the summary says better, and warnings about nothing the user did."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # torch deprecates what Lightning calls
    warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
    # intervals of logging run on from epoch to epoch
    warnings.filterwarnings("ignore", message="The number of training batches .* is smaller than")
    # Hydra made the directory, and no earlier run is in it
    warnings.filterwarnings(
        "ignore", message="Experiment logs directory .* exists and is not empty"
    )
