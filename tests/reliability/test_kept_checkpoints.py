"""The checkpoints that a run keeps are those that its settings say."""

import pytest
import torch

import vae
from vae.training.loop import train

pytestmark = pytest.mark.slow

QUIET = ("callbacks.pictures=null",)


def test_the_best_of_three_is_tested_and_loaded(tiny, monkeypatch):
    """With save_top_k=3 all went to one file, the latest on top."""
    from vae.metrics.estimate import Means

    scores = iter([-150.0, -100.0, -120.0, -110.0])
    compute = Means.compute

    def scored(self):
        found, score = compute(self), next(scores, None)
        return found if score is None else found | {"elbo": found["elbo"]._replace(value=score)}

    monkeypatch.setattr(Means, "compute", scored)
    words = ("+callbacks.checkpoint.save_top_k=3", "trainer.max_epochs=4", "data=digits")
    result = train(tiny(*words, *QUIET))
    kept = sorted((result.directory / "checkpoints").glob("best*.ckpt"))
    assert len(kept) == 3
    best = torch.load(result.results.checkpoint, weights_only=True)
    assert best["epoch"] == 1
    assert result.results.score == -100.0
    loaded = vae.load(result.directory)
    for name, value in loaded.state_dict().items():
        assert torch.equal(best["state_dict"][f"model.{name}"], value)


@pytest.mark.parametrize("name", ["mybest", "'e{epoch}-{val/elbo:.1f}'"])
def test_a_checkpoint_of_another_name_is_what_evaluate_takes(tiny, name):
    words = (f"callbacks.checkpoint.filename={name}", "trainer.max_epochs=2", "data=digits")
    result = train(tiny(*words, "optimizer.lr=0.01", *QUIET))
    from vae.runs.find import find_checkpoint

    assert str(find_checkpoint(result.directory)) == result.results.checkpoint
    assert find_checkpoint(result.directory).name not in ("best.ckpt", "last.ckpt")
    # also while it is not known yet
    (result.directory / "results.json").unlink()
    assert str(find_checkpoint(result.directory)) == result.results.checkpoint


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (("trainer.max_epochs=3", "trainer.check_val_every_n_epoch=5"), 30),
        (("trainer.max_epochs=7", "trainer.check_val_every_n_epoch=5"), 70),
        (("trainer.max_epochs=1", "trainer.val_check_interval=4"), 10),
        (("trainer.max_epochs=-1", "trainer.max_steps=13"), 13),
        (("trainer.max_epochs=-1", "trainer.max_steps=13", "callbacks=ema"), 13),
        (("trainer.max_epochs=2", "trainer.accumulate_grad_batches=4"), 6),
    ],
)
def test_the_last_checkpoint_is_the_last_step_trained(tiny, words, steps):
    result = train(tiny("data=digits", "data.val_size=220", *words, *QUIET, steps=10))
    last = torch.load(result.directory / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == result.results.train.steps == steps


def test_the_last_checkpoint_is_the_last_step_when_the_time_is_up(tiny):
    words = ("trainer.max_epochs=-1", "trainer.max_time='00:00:00:02'")
    result = train(tiny("data=digits", *words, *QUIET, steps=10))
    last = torch.load(result.directory / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == result.results.train.steps > 10
