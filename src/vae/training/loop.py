"""A run from its config to its report: build, fit, test, report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning

from vae.config.build import build_data
from vae.config.check import check
from vae.data.module import DataModule
from vae.evaluation.results import About, Analysis, collect
from vae.evaluation.test import test
from vae.evaluation.trainer import build_trainer
from vae.model import VAE
from vae.reporting.pages.run import write_report
from vae.reporting.summary import print_summary
from vae.runs.adopt import wish
from vae.runs.claim import claim, enter, let_go, release, renew
from vae.runs.opened import same_data
from vae.runs.process import prepare
from vae.runs.results import Results, read_results, write_results
from vae.training import build, devices, ending, resume, spawn


@dataclass(frozen=True)
class Outcome:
    """What a run leaves.

    Arguments:
        directory: The run directory.
        results: What the test found.
        model: The best model, in evaluation mode; None if another process trained it.
        data: The data module that it was trained on; None likewise.
    """

    directory: Path
    results: Results
    model: VAE | None = None
    data: DataModule | None = None


def train(config: dict[str, Any], words: Sequence[str] = (), sweep: bool = False) -> Outcome:
    """Train, test and report one model.

    Arguments:
        config: What `vae.compose` gives; its run_dir must not hold a run yet, unless resume is set.
        words: The command that runs this job, to be written down.
        sweep: Whether this is a job of a sweep, whose summary names those that were refused.

    Raises:
        ConfigError: If the config makes no sense.
        DataError: If the data is missing, damaged, or not what the likelihood explains.
        NonFiniteLoss: If training diverges; the last good checkpoint is kept.
    """
    check(config, "train")
    directory = Path(config["run_dir"]).expanduser().absolute()
    try:
        if wish(config) is not None:
            # what there is to resume from must not change meanwhile
            enter(directory)
        start = resume.start(config, directory)
        if start.results is not None:
            print(f"finished before: {directory}", flush=True)
            return Outcome(directory, start.results)
        devices.check(config)
        if spawn.wanted(config):
            let_go(directory)
            spawn.run(config, list(words), train)
            results = read_results(directory)
            assert results is not None
            return Outcome(directory, results)
        return _run(config, directory, start, words, sweep)
    finally:
        let_go(directory)


def _run(
    config: dict[str, Any],
    directory: Path,
    start: resume.Start,
    words: Sequence[str],
    sweep: bool,
) -> Outcome:
    """Train in a directory that is this process's."""
    new = claim(config, directory, wish(config) is not None)
    several = str(config["trainer"]["devices"]) not in ("1", "auto")
    prepare(config["threads"] or start.threads, shared=several)
    lightning.seed_everything(config["seed"], verbose=False)
    try:
        data = build_data(config)
        same_data(start.data, data)
        module = build.build_module(config, data)
        loggers = build.build_loggers(config)
        trainer = build_trainer(config, build.build_callbacks(config, module), loggers)
        if not new:
            renew(config, directory)
    except BaseException:
        if new and not sweep:
            release(directory)
        raise
    with ending.of(trainer, directory, disposable=new and not sweep) as end:
        if trainer.is_global_zero:
            print_summary(config, data, module.model, trainer, start.checkpoint)
        end.begin(config, start.step)
        ending.fit(trainer, module, data, start.checkpoint)
        trained = ending.training(trainer, module)
        module, trainer = ending.to_test(trainer, module, config, data, directory)
        about = About(config, end.best(), words, trained, trained.best_val_score)
        if end.pruned():
            end.results = collect(about, module, data, trainer, analysis=Analysis(), pruned=True)
            if trainer.is_global_zero:
                write_results(end.results, directory)
        else:
            end.results = test(
                module, data, trainer, config["evaluate"], directory, about, config["seed"]
            )
        if trainer.is_global_zero:
            write_report(directory)
    assert end.results is not None
    return Outcome(directory, end.results, module.model.eval(), data)
