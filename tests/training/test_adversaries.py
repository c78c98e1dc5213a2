"""A run with an adversary: resumed, clipped, accumulated, averaged and on two processes."""

import pytest
import torch

from vae.cli.command import compose
from vae.runs import checkpoint
from vae.training.loop import train

SMALL = [
    "data=digits",
    "model.encoder.hidden=[8]",
    "model.decoder.hidden=[8]",
    "model.latent_dim=3",
    "objective.adversary.hidden=[8]",
    "trainer.limit_train_batches=5",
    "evaluate.num_samples=0",
    "evaluate.probe=0",
    "evaluate.surgery=0",
    "callbacks.pictures=null",
    "threads=1",
]
OBJECTIVES = ["factor_vae", "adversarial"]


def weights(directory):
    return checkpoint.read(directory / "checkpoints" / "last.ckpt")


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    "words",
    [
        ["trainer.gradient_clip_val=1"],
        ["callbacks=ema", "trainer.accumulate_grad_batches=2", "trainer.precision=bf16-mixed"],
    ],
)
def test_it_resumes_to_the_same_bits(objective, words, tmp_path):
    words = [*SMALL, f"objective={objective}", *words]
    whole = train(compose(*words, "trainer.max_epochs=2", f"run_dir={tmp_path / 'whole'}"))
    part = tmp_path / "part"
    train(compose(*words, "trainer.max_epochs=1", f"run_dir={part}"))
    train(compose(f"resume={part}", "trainer.max_epochs=2"))
    one, other = weights(whole.directory), weights(part)
    assert any(name.startswith("adversary.") for name in one["state_dict"])
    for name, value in one["state_dict"].items():
        assert torch.equal(value, other["state_dict"][name]), name
    state = other["optimizer_states"][0]
    assert len(state["param_groups"]) == 2
    assert state["param_groups"][1]["betas"] == (0.5, 0.9)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_schedule_and_the_settings_are_its_own(objective, tmp_path):
    words = [*SMALL, f"objective={objective}", "optimizer/schedule=cosine"]
    words += ["optimizer.lr=1e-3", "objective.adversary.lr=5e-4", "trainer.max_epochs=1"]
    run = train(compose(*words, f"run_dir={tmp_path / 'run'}"))
    model, adversary = weights(run.directory)["optimizer_states"][0]["param_groups"]
    assert adversary["lr"] == pytest.approx(model["lr"] / 2)
    assert run.results.train.steps == 5
    logged = (run.directory / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"val/adversary", f"val/{objective}"} <= set(logged)
