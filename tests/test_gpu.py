"""On a GPU: pytest -m gpu; every test says why it is skipped where there is none."""

import json
import os
import subprocess
import sys

import pytest
import torch

from vae.training.loop import train
from vae.training.module import VAEModule

GPUS = torch.cuda.device_count()
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(GPUS < 1, reason="there is no GPU here"),
]
two = pytest.mark.skipif(GPUS < 2, reason=f"two GPUs are needed, and there are {GPUS}")


def gpu(tiny, *words, steps=200, name="run"):
    config = tiny(
        "trainer=gpu",
        "trainer.accelerator=gpu",
        "trainer.limit_test_batches=20",
        "data.eval_batch_size=500",
        "callbacks.pictures=null",
        "trainer.log_every_n_steps=50",
        *words,
        steps=steps,
    )
    config["run_dir"] += name
    for kind in ("checkpoint", "last"):
        config["callbacks"][kind]["dirpath"] = f"{config['run_dir']}/checkpoints"
    return config


def elbo(config):
    return train(config).results.test["elbo"].value


def test_the_data_and_the_metrics_stay_on_the_device(tiny):
    result = train(gpu(tiny))
    assert result.results.device.startswith("cuda")
    assert next(result.model.parameters()).is_cuda


@pytest.mark.parametrize("callbacks", ["default", "ema"])
def test_a_step_between_logs_does_not_wait_for_the_device(tiny, monkeypatch, callbacks):
    def start(self, batch, batch_idx):
        torch.cuda.set_sync_debug_mode("error" if batch_idx % 50 == 20 else "default")

    def end(self, outputs, batch, batch_idx):
        torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(VAEModule, "on_train_batch_start", start)
    monkeypatch.setattr(VAEModule, "on_train_batch_end", end)
    train(gpu(tiny, f"callbacks={callbacks}"))


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed", "bf16-true"])
@pytest.mark.parametrize("words", [(), ("model/encoder=conv", "model/decoder=conv")])
def test_half_precision_ends_near_float32(tiny, precision, words):
    full = elbo(gpu(tiny, *words, name="full"))
    half = elbo(gpu(tiny, *words, f"trainer.precision={precision}", name="half"))
    assert half == pytest.approx(full, abs=3.0 if precision == "bf16-true" else 1.0)


def test_float16_gradients_are_scaled_and_clipped(tiny):
    config = gpu(tiny, "trainer.precision=16-mixed", "trainer.gradient_clip_val=1.0")
    assert -160 < elbo(config) < -90


def test_compiled_networks_end_near_those_that_are_not(tiny):
    plain = elbo(gpu(tiny, name="plain"))
    assert elbo(gpu(tiny, "compile=true", name="compiled")) == pytest.approx(plain, abs=0.5)


def test_a_run_resumes_on_another_device(tiny):
    start = gpu(tiny, "resume=auto")
    train(start)
    start["trainer"] |= {"accelerator": "cpu", "max_epochs": 2}
    result = train(start)
    assert result.results.device == "cpu"
    assert result.results.train.steps == 400
    start["trainer"] |= {"accelerator": "gpu", "max_epochs": 3}
    assert train(start).results.train.steps == 600


@two
@pytest.mark.parametrize("trainer", ["ddp", "fsdp", "ddp_spawn"])
def test_two_gpus_train_and_test_every_example_once(trainer, tmp_path):
    words = [f"trainer={trainer}", "trainer.accelerator=gpu", "trainer.devices=2"]
    words += ["trainer.max_epochs=1", "evaluate.num_samples=2", "run_dir=run"]
    clean = {k: v for k, v in os.environ.items() if k not in ("LOCAL_RANK", "WORLD_SIZE")}
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", *words],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["test"]["elbo"]["num_examples"] == 10_000
