"""A step is skipped exactly where its gradient is larger than allowed."""

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
