"""Killed again and again at random moments, a run ends with the bits of one that was left alone.

VAE_RELIABILITY=full makes it 20 kills of a single process and 8 of two.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests import forked
from tests.training.resumed import same, weights

pytestmark = pytest.mark.slow

FULL = os.environ.get("VAE_RELIABILITY") == "full"
WORDS = [
    "data=digits",
    "trainer.accelerator=cpu",
    f"trainer.max_epochs={25 if FULL else 6}",
    "trainer.log_every_n_steps=5",
    "trainer.limit_train_batches=10",
    "callbacks=ema",
    "callbacks.last.every_n_train_steps=3",
    "callbacks.pictures=null",
    "model.encoder.hidden=[64]",
    "model.decoder.hidden=[64]",
    "evaluate.num_samples=2",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "data.val_size=300",
]
ENV = {"OMP_NUM_THREADS": "1"}


def command(directory, *words):
    words = [*WORDS, *words, f"run_dir={directory}", "resume=auto"]
    return [sys.executable, "-m", "vae.train", *words]


def stamp(path):
    return path.stat().st_mtime_ns if path.exists() else None


def until_killed(directory, moment, cwd, words):
    """Run until a checkpoint was written, and some moments longer; whether it was killed."""
    last = directory / "checkpoints" / "last.ckpt"
    before = stamp(last)
    process = subprocess.Popen(
        command(directory, *words),
        cwd=cwd,
        env=os.environ | ENV,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while process.poll() is None and stamp(last) == before:
        time.sleep(0.002)
    time.sleep(moment)
    killed = process.poll() is None
    if killed:
        # with the processes that DDP started
        os.killpg(process.pid, signal.SIGKILL)
    error = process.communicate()[1].decode()
    assert killed or process.returncode == 0, error
    return killed


@pytest.mark.parametrize(
    ("words", "kills"),
    [((), 20 if FULL else 2), (("trainer=ddp", "trainer.devices=2"), 8 if FULL else 1)],
    ids=["one process", "two processes"],
)
def test_kills_at_random_moments(tmp_path, words, kills):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(
        command(whole, *words), cwd=tmp_path, env=os.environ | ENV, check=True, capture_output=True
    )
    moments, done, steps, temporary = random.Random(len(words)), 0, [], set()
    for _ in range(kills):
        if not until_killed(broken, moments.uniform(0, 0.25), tmp_path, words):
            break
        done += 1
        steps.append(weights(broken)["global_step"])
        temporary |= {p.name for p in broken.rglob(".*.new")}
    subprocess.run(
        command(broken, *words), cwd=tmp_path, env=os.environ | ENV, check=True, capture_output=True
    )
    print(f"{done} kills at steps {steps}, of them within a write: {len(temporary)}")
    assert done >= 1
    assert steps == sorted(steps)
    same(whole, broken)
    assert not list(broken.rglob(".*.new"))
    assert not (broken / ".lock").exists()


SIGNALS = {"SIGTERM": (signal.SIGTERM, 143), "Ctrl-C": (signal.SIGINT, 1)}


@pytest.mark.parametrize(("number", "code"), SIGNALS.values(), ids=SIGNALS)
def test_a_signal_in_training_ends_it_in_a_sentence(tmp_path, number, code):
    words = ["trainer.max_epochs=100000", "callbacks.progress.interval=0"]
    process = subprocess.Popen(
        command(tmp_path / "mine", *words),
        env=os.environ | ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert any(line.startswith("epoch 3/") for line in process.stdout)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err == f"error: interrupted; {tmp_path / 'mine'} keeps what there is\n"
    assert weights(tmp_path / "mine")["global_step"] >= 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_test_ends_it_too_and_the_test_is_repeated(tmp_path, number):
    """The samples of a test do not depend on what came before it."""
    words = ["trainer.max_epochs=2", "evaluate.num_samples=20000", "evaluate.memory=2"]
    process = subprocess.Popen(
        command(tmp_path / "mine", *words),
        env=os.environ | ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert any(line.startswith("testing") for line in process.stdout)
    time.sleep(0.3)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (143, 1), err
    assert "Traceback" not in err
    assert "keeps what there is" in err
    short = ["evaluate.num_samples=3"]
    for name, more in (("mine", ()), ("whole", ("trainer.max_epochs=2",))):
        subprocess.run(
            [*command(tmp_path / name, "trainer.max_epochs=2", *more), *short],
            env=os.environ | ENV,
            check=True,
            capture_output=True,
        )
    found = [json.loads((tmp_path / n / "results.json").read_text()) for n in ("mine", "whole")]
    assert found[0]["test"] == found[1]["test"]


@pytest.mark.parametrize("delay", [0.05, 0.3, 0.8, 2.0])
def test_ctrl_c_while_starting_is_no_traceback(tmp_path, delay):
    # a fork would have its imports behind it
    process = forked.Real(
        command(tmp_path / "mine"),
        env=os.environ | ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    # before Python itself is up it has its own words
    assert "Traceback" not in err or delay < 0.1, err
