"""A step is skipped exactly where its gradient is larger than allowed."""

from types import SimpleNamespace

import pytest
import torch

from vae.cli.command import compose
from vae.errors import ConfigError
from vae.training.callbacks.gradient_skip import GradientSkip
from vae.training.loop import train

WORDS = [
    "data=digits", "callbacks=gradient_skip", "trainer.max_epochs=1", "callbacks.pictures=null",
    "model.encoder.hidden=[8]", "model.decoder.hidden=[8]", "trainer.log_every_n_steps=1",
    "evaluate.num_samples=0", "evaluate.surgery=0", "evaluate.probe=0", "threads=1",
    "trainer.limit_train_batches=4",
]  # fmt: skip


def weights(tmp_path, name, *words):
    outcome = train(compose(*WORDS, f"run_dir={tmp_path / name}", *words))
    return torch.cat([p.detach().flatten() for p in outcome.model.parameters()]), tmp_path / name


@pytest.mark.slow
def test_a_limit_that_nothing_meets_changes_nothing_and_one_that_all_meet_stops_learning(tmp_path):
    plain, _ = weights(tmp_path, "plain", "callbacks=default")
    wide, folder = weights(tmp_path, "wide", "callbacks.gradient_skip.norm=1e9")
    assert torch.equal(plain, wide)
    none, folder = weights(tmp_path, "none", "callbacks.gradient_skip.norm=1e-9")
    again, _ = weights(tmp_path, "again", "callbacks.gradient_skip.norm=1e-9", "optimizer.lr=1")
    # no step was taken, whatever the rate
    assert torch.equal(none, again)
    assert not torch.equal(none, plain)
    last = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    kept = next(v for k, v in last["callbacks"].items() if "GradientSkip" in k)
    assert kept == {"skipped": 4}
    assert "train/skipped" in (folder / "metrics.csv").read_text().splitlines()[0]


@pytest.mark.parametrize("norm", [0, -1, float("nan")])
def test_a_norm_is_positive(norm):
    with pytest.raises(ConfigError, match="is positive"):
        GradientSkip(norm)


@pytest.mark.parametrize(("size", "taken"), [(4.9, True), (5.1, False), (float("nan"), False)])
def test_the_norm_of_all_weights_decides(size, taken):
    class Module(torch.nn.Linear):
        def log(self, name, value, sync_dist):
            assert (name, value) == ("train/skipped", 0.0 if taken else 1.0)

    module = Module(1, 1)
    # 3, 4, 5: the norm is of both together
    module.weight.grad = torch.full((1, 1), 0.6 * size)
    module.bias.grad = torch.full((1,), 0.8 * size)
    trainer = SimpleNamespace(precision_plugin=None, world_size=1)
    callback = GradientSkip(5.0)
    callback.on_before_optimizer_step(trainer, module, None)
    assert (module.weight.grad is not None) == taken
    assert callback.skipped == (0 if taken else 1)
