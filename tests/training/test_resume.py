"""Killed and resumed equals uninterrupted, bit for bit."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from tests.training.resumed import LIGHT, WORDS, same, weights
from vae.cli.command import compose
from vae.training.loop import train

pytestmark = pytest.mark.slow


def kill_after(line, directory, words, cwd):
    """Run, and kill -9 as soon as a line with this beginning is printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vae.train", *words, f"run_dir={directory}"],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert any(text.startswith(line) for text in process.stdout), process.stderr.read()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stderr.close()
    assert not (directory / "results.json").exists()


def python(*words, cwd):
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", *words], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_killed_run_resumes_to_the_same_bits(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    python(*WORDS, f"run_dir={whole}", cwd=tmp_path)
    kill_after("epoch 3", broken, WORDS, tmp_path)
    out = python(*WORDS, f"run_dir={broken}", "resume=auto", cwd=tmp_path)
    assert "resumed from" in out
    same(whole, broken)


PHASES = {
    "within epochs": ["callbacks.last.every_n_train_steps=3"],
    "where metrics are logged": ["callbacks.last.every_n_train_steps=5"],
    "validation now and then": ["trainer.max_epochs=3", "trainer.check_val_every_n_epoch=2"],
    "validation within epochs": [
        "trainer.val_check_interval=4",
        "callbacks.last.every_n_train_steps=3",
    ],
    "no validation": ["data.val_size=0", "callbacks.last.every_n_train_steps=4"],
    "accumulation": [
        "trainer.accumulate_grad_batches=3",
        "callbacks.last.every_n_train_steps=2",
    ],
    "a number of steps": [
        "trainer.max_epochs=3",
        "trainer.max_steps=25",
        "callbacks.last.every_n_train_steps=4",
    ],
}


@pytest.mark.parametrize("words", PHASES.values(), ids=PHASES)
def test_every_checkpoint_that_a_run_writes_leads_to_the_same_bits(words, tmp_path, monkeypatch):
    """A kill at any moment leaves one of these; each is gone on from."""
    from vae.runs import checkpoint_io

    save, copies = checkpoint_io.save, []

    def copied(content, path):
        save(content, path)
        if path.name == "last.ckpt" and path.is_relative_to(tmp_path / "whole"):
            copies.append(tmp_path / f"{len(copies)}")
            shutil.copytree(tmp_path / "whole", copies[-1])

    monkeypatch.setattr(checkpoint_io, "save", copied)
    words = [w for w in WORDS if "objective" not in w] + [*LIGHT, "trainer.max_epochs=2", *words]
    # the seconds that are left are printed, and differ
    whole = train(compose(*words, f"run_dir={tmp_path / 'whole'}")).directory
    assert len(copies) >= 2
    last = weights(whole)
    assert last["global_step"] == json.loads((whole / "results.json").read_text())["train"]["steps"]
    for copy in copies:
        train(compose(f"resume={copy}"))
        same(whole, copy)


@pytest.mark.parametrize("words", [[], ["trainer.check_val_every_n_epoch=2"]])
def test_a_validation_that_a_checkpoint_was_made_before_is_made_up_for(words, tmp_path):
    """A ModelCheckpoint of the user's own, at the last of ten steps of an epoch."""
    folder = tmp_path / "mine"
    words = [w for w in WORDS if "objective" not in w] + [*LIGHT, "trainer.max_epochs=3", *words]
    words += [
        "+callbacks.own._target_=lightning.pytorch.callbacks.ModelCheckpoint",
        f"+callbacks.own.dirpath={folder}",
        "+callbacks.own.every_n_train_steps=5",
        "+callbacks.own.save_top_k=-1",
        "+callbacks.own.filename='{step}'",
    ]
    whole = train(compose(*words, f"run_dir={tmp_path / 'whole'}")).directory
    kept = sorted(folder.glob("*.ckpt"))
    assert len(kept) == 6
    for number, path in enumerate(kept):
        copy = tmp_path / f"{number}"
        shutil.copytree(whole, copy)
        shutil.copy(path, copy / "checkpoints" / "own.ckpt")
        train(compose(f"resume={copy / 'checkpoints' / 'own.ckpt'}"))
        same(whole, copy)


def test_a_longer_run_that_is_killed_is_not_finished(tmp_path):
    """Its earlier results are those of the shorter run."""
    directory = tmp_path / "run"
    python(*WORDS, f"run_dir={directory}", cwd=tmp_path)
    longer = ["trainer.max_epochs=100000"]
    command = [sys.executable, "-m", "vae.train", f"resume={directory}", *longer]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert any(line.startswith("epoch 9/") for line in process.stdout)
    process.kill()
    process.communicate()
    assert not (directory / "results.json").exists()
    assert (directory / "results.before.json").exists()
    python(f"resume={directory}", "trainer.max_epochs=12", cwd=tmp_path)
    assert json.loads((directory / "results.json").read_text())["train"]["epochs"] == 12


def test_a_run_resumes_with_the_threads_it_began_with(tmp_path):
    """Of a convolution's sums the last bits depend on their number."""

    words = ["data=digits", *LIGHT, "trainer.limit_train_batches=2", "trainer.limit_test_batches=1"]
    words += ["evaluate.num_samples=0", "evaluate.surgery=0", "evaluate.probe=0", "seed=1"]
    here = [f"run_dir={tmp_path / 'run'}", "resume=auto"]
    before = torch.get_num_threads()
    try:
        train(compose(*words, *here, "trainer.max_epochs=1", "threads=2"))
        assert (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (2, "1")
        torch.set_num_threads(1)
        assert train(compose(*words, *here, "trainer.max_epochs=2")).results.threads == 2
        assert (
            train(compose(*words, *here, "trainer.max_epochs=3", "threads=1")).results.threads == 1
        )
    finally:
        torch.set_num_threads(before)
