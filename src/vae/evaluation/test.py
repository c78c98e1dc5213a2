"""The test of a model, at the end of training and on request."""

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer

from vae.data.module import DataModule
from vae.evaluation.analysis import analyse
from vae.evaluation.module import EvaluationModule
from vae.evaluation.results import About, collect
from vae.reporting.tables import print_results
from vae.runs.results import Results, write_results


def test(
    module: EvaluationModule,
    data: DataModule,
    trainer: Trainer,
    settings: Mapping[str, Any],
    directory: Path,
    about: About,
    seed: int,
) -> Results:
    """Test on every process, look closer on the first, and report.

    What the test alone found is written before the closer look, so that nothing of it is lost.

    Arguments:
        module: The module.
        data: The data module.
        trainer: The trainer.
        settings: As in conf/evaluate.
        directory: Where results.json goes.
        about: What results.json says besides.
        seed: Of the samples, which must not depend on how training left the generators.

    Returns:
        The results (without the closer look, on processes but the first).
    """
    start = time.perf_counter()
    with ended_by_sigterm():
        torch.manual_seed(seed + 1_000_003 * trainer.global_rank)
        trainer.test(module, datamodule=data, verbose=False)
        results = collect(about, module, data, trainer, None, time.perf_counter() - start)
        if trainer.is_global_zero:
            write_results(results, directory)
            analysis = analyse(module, data, settings, trainer.strategy.root_device)
            results = collect(about, module, data, trainer, analysis, time.perf_counter() - start)
            write_results(results, directory)
            print_results(results, directory)
        trainer.strategy.barrier()
    return results


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """While inside, SIGTERM ends this process; Lightning would note it and test on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
