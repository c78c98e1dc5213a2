import pytest
import torch
from lightning.pytorch import Callback

from vae import build
from vae.callbacks.ema import EMA


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
    data = build.build_data(config)
    module = build.build_module(config, data)
    weights = Weights()
    trainer = build.build_trainer(config, [EMA(decay), weights], [])
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
