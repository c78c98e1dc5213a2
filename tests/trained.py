"""Small runs, trained once per file, that several rooms look at.

Lightning is imported when they are asked for: conftest.py imports this file in every session.
"""

import pytest

from vae.cli.command import compose

SMALL = (
    "data=digits",
    "model.latent_dim=2",
    "model.encoder.hidden=[16]",
    "model.decoder.hidden=[16]",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "evaluate.num_samples=2",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of a VAE with a VampPrior, whose prior needs its encoder."""
    from vae.training.loop import train

    directory = tmp_path_factory.mktemp("runs") / "run"
    words = ("model/prior=vampprior", "model.prior.components=5", "callbacks=ema")
    return train(compose(*SMALL, *words, "callbacks.pictures=null", f"run_dir={directory}"))


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    from vae.training.loop import train

    directory = tmp_path_factory.mktemp("runs") / "ae"
    words = ("model/posterior=delta", "objective=reconstruction")
    return train(compose(*SMALL, *words, f"run_dir={directory}"))


def evaluation(run, *words):
    from vae.evaluation.evaluate import evaluate

    overrides = (f"run={run}", "trainer.accelerator=cpu", "num_samples=3", "fid=0", "pictures=3")
    return evaluate(compose(*overrides, *words, name="evaluate"))
