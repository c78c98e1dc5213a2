import csv
import math

import pytest
import torch
from lightning.pytorch import Callback

from vae.cli.command import compose
from vae.config import build as config_build
from vae.evaluation import trainer as trainers
from vae.training import build
from vae.training.callbacks.ema import EMA
from vae.training.loop import train

pytestmark = pytest.mark.slow


class Weights(Callback):
    """Collects a weight after every step, and the one validated."""

    def __init__(self):
        self.steps = []
        self.validated = None

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.steps.append(pl_module.model.decoder.last.bias.detach().clone())

    def on_validation_batch_end(self, trainer, pl_module, *_):
        self.validated = pl_module.model.decoder.last.bias.detach().clone()


@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_follows_its_formula_and_is_what_is_validated_and_left(tiny, decay):
    config = tiny("optimizer.lr=0.01", steps=12)
    data = config_build.build_data(config)
    module = build.build_module(config, data)
    weights = Weights()
    trainer = trainers.build_trainer(config, [EMA(decay), weights], [])
    trainer.fit(module, datamodule=data)
    average = weights.steps[0]
    for t in range(1, 12):
        d = min(decay, (1 + t) / (10 + t))
        average = d * average + (1 - d) * weights.steps[t]
    torch.testing.assert_close(weights.validated, average)
    torch.testing.assert_close(module.model.decoder.last.bias, average)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_outside_zero_to_one_is_refused(decay):
    with pytest.raises(ValueError, match="at least 0 and less than 1"):
        EMA(decay)


POSTERIORS = ["diagonal_normal", "full_covariance_normal", "iaf"]
PRIORS = ["standard_normal", "mixture_of_gaussians", "vampprior", "flow"]


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("posterior", POSTERIORS)
def test_what_is_not_floating_point_is_copied_and_not_averaged(tiny, posterior, prior):
    """Indices and orders that drifted made the validation nan, and kept the first epoch's model."""
    if prior == "vampprior" and posterior == "iaf":
        pytest.skip("no such pairing")
    words = (f"model/posterior={posterior}", f"model/prior={prior}", "model.latent_dim=8")
    small = ("model.encoder.hidden=[8]", "model.decoder.hidden=[8]", "callbacks.pictures=null")
    long = ("data=digits", "callbacks=ema", "trainer.max_epochs=3", "optimizer.lr=3e-3")
    result = train(tiny(*words, *small, *long, steps=20))
    fresh = config_build.build_model(compose(*words, *small), (1, 8, 8))
    kept = dict(fresh.named_buffers())
    for name, buffer in result.model.named_buffers():
        if not buffer.is_floating_point():
            assert torch.equal(buffer, kept[name]), name
    scores = [row["val/elbo"] for row in rows(result.directory) if row["val/elbo"]]
    assert len(scores) == 3
    assert all(math.isfinite(float(score)) for score in scores)
    # it was the first, for good, once the later ones were nan
    best = torch.load(result.directory / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["epoch"] >= 1


def rows(directory):
    with (directory / "metrics.csv").open() as f:
        return list(csv.DictReader(f))
