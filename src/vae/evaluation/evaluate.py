"""The test of a trained run, on request."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning

from vae.config.check import check
from vae.evaluation.module import EvaluationModule
from vae.evaluation.pictures import Pictures
from vae.evaluation.progress import TestProgress
from vae.evaluation.results import About
from vae.evaluation.test import test
from vae.evaluation.trainer import build_trainer
from vae.runs.claim import claim, free_directory, is_first, let_go, release
from vae.runs.opened import open_run
from vae.runs.process import prepare
from vae.runs.results import Results, read_results


def evaluate(config: dict[str, Any], words: Sequence[str] = ()) -> Results:
    """Evaluate one run and report it.

    Arguments:
        config: What `compose(..., name="evaluate")` gives.
        words: The command, to be written down.

    Returns:
        The results.

    Raises:
        ConfigError: If the config makes no sense.
        RunError: If there is no such run.
        DataError: If its data is missing or damaged.
    """
    check(config, "evaluate")
    opened = open_run(config["run"], config["allow"])
    root = config["data"]["root"]
    known = read_results(opened.directory)
    if config["out"]:
        directory = Path(config["out"]).expanduser().absolute()
    else:
        time_ = time.strftime("%Y-%m-%d_%H-%M-%S")
        directory = (opened.directory / "evaluations" / time_).absolute()
        directory = free_directory(directory) if is_first() else directory
    claim(config, directory)
    prepare()
    lightning.seed_everything(config["seed"], verbose=False)
    try:
        data = opened.open_data(root, config["other_data"])
        module = EvaluationModule(
            opened.model, config["num_samples"], config["memory"], opened.generates
        )
        callbacks: list[lightning.Callback] = [TestProgress()]
        if config["pictures"]:
            callbacks.append(Pictures(config["pictures"]))
        node = {**config["trainer"], "default_root_dir": str(directory)}
        trained = opened.data_config(root)
        whole = {"trainer": node, "data": trained["data"], "allow": config["allow"]}
        trainer = build_trainer(whole, callbacks, [])
    except BaseException:
        release(directory)
        with contextlib.suppress(OSError):
            directory.rmdir()
        raise
    about = About(trained, opened.checkpoint, words, known.train if known else None)
    try:
        return test(module, data, trainer, config, directory, about, config["seed"])
    except SystemExit as e:
        print(f"error: interrupted; {directory} keeps what there is", file=sys.stderr, flush=True)
        raise SystemExit(e.code or 143) from e
    finally:
        let_go(directory)
