"""What the tests share."""

import gc
import os
import sys
from pathlib import Path

import pytest
import torch

from tests import forked
from tests.browsers import browser as browser
from tests.commands import cli as cli
from tests.commands import no_key as no_key
from tests.hub import hub as hub
from tests.trained import autoencoder as autoencoder
from tests.trained import finished as finished
from vae.cli.command import compose

# a failure in what test files share says as much as one in them
pytest.register_assert_rewrite("tests.training.resumed", "tests.config.lattice")

# children that tests start are as strict and as quiet as this process
os.environ.setdefault("WANDB_SILENT", "true")
if "PYTEST_XDIST_WORKER" in os.environ:
    # workers share the cores, and so do the processes that they start
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
else:
    torch.set_num_threads(min(2, torch.get_num_threads()))


def pytest_collection_finish():
    """Have the garbage collector pass over the half a million objects of what was imported."""
    gc.collect()
    gc.freeze()


if sys.platform == "linux" and os.environ.get("VAE_TESTS_FORK") != "0":
    forked.install()


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache of the tests' own."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["VAE_CACHE"] = str(folder)
    return folder


@pytest.fixture(autouse=True)
def seeded():
    """The same numbers in every test, whatever ran before it."""
    torch.manual_seed(0)


@pytest.fixture
def tiny(tmp_path):
    """Compose a run of a few steps in a directory of its own."""

    def make(*overrides, steps=2):
        words = [
            f"trainer.limit_train_batches={steps}",
            "trainer.limit_val_batches=1",
            "trainer.limit_test_batches=1",
            "trainer.max_epochs=1",
            "trainer.log_every_n_steps=1",
            "trainer.accelerator=cpu",
            "evaluate.num_samples=2",
            "evaluate.surgery=0",
            "evaluate.probe=0",
            "data.eval_batch_size=100",
            "callbacks.pictures=null",
            f"run_dir={Path(tmp_path) / 'run'}",
        ]
        return compose(*words, *overrides)

    return make
