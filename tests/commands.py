"""What tests of the commands share."""

import sys

import pytest

from vae.cli.command import run
from vae.train import task

FAST = [
    "trainer.limit_train_batches=2",
    "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=1",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "evaluate.num_samples=2",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "data.eval_batch_size=100",
    # most of a short run's time; a test of them has PICTURES after these
    "callbacks.pictures=null",
]
PICTURES = "callbacks.pictures={_target_:vae.evaluation.pictures.Pictures,count:12}"


@pytest.fixture
def cli(capfd, monkeypatch, tmp_path):
    """Run the command in this process; its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["vae.train", *words])
        return ended(capfd, lambda: run("train", task, help="Train."))

    return call


def ended(capfd, command):
    """The exit code of a command in this process, with what it printed to stdout and stderr."""
    capfd.readouterr()
    try:
        command()
        code = 0
    except SystemExit as e:
        code = e.code
    captured = capfd.readouterr()
    print(captured.out, captured.err)
    return code, captured.out, captured.err


@pytest.fixture
def no_key(monkeypatch, tmp_path):
    """No W&B key, in the environment or at home."""
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
