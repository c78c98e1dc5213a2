"""The test of a model, at the end of training and on request."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from vae.analysis import analyse
from vae.data.module import DataModule
from vae.evaluation import EvaluationModule
from vae.report import print_results, write_results


def test(
    module: EvaluationModule,
    data: DataModule,
    trainer: Trainer,
    settings: Mapping[str, Any],
    directory: Path,
    collect: Callable[..., dict[str, Any]],
) -> dict[str, Any]:
    """Test on every process, look closer on the first, and report.

    What the test alone found is written before the closer look, so that nothing of it is lost.

    Arguments:
        module: The module.
        data: The data module.
        trainer: The trainer.
        settings: As in conf/evaluation.
        directory: Where results.json goes.
        collect: `vae.results.collect`, but for the analysis and the seconds.

    Returns:
        What results.json holds (without the closer look, on processes but the first).
    """
    start = time.perf_counter()
    trainer.test(module, datamodule=data, verbose=False)
    results = collect(analysis=None, seconds=time.perf_counter() - start)
    if trainer.is_global_zero:
        write_results(results, directory)
        analysis = analyse(module, data, settings, trainer.strategy.root_device)
        results = collect(analysis=analysis, seconds=time.perf_counter() - start)
        write_results(results, directory)
        print_results(results, directory)
    trainer.strategy.barrier()
    return results
