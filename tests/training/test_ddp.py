"""Two CPU processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.commands import FAST, PICTURES
from vae.cli.command import compose
from vae.config import build as config_build
from vae.training import build

pytestmark = pytest.mark.slow

DDP = ["trainer=ddp", *FAST]
SMALL = ["data=digits", "callbacks.pictures=null"]
QUICK = [*DDP, *SMALL]


def python(*words, cwd):
    clean = {k: v for k, v in os.environ.items() if k not in ("LOCAL_RANK", "WORLD_SIZE")}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=clean, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("objective", ["elbo", "factor_vae"])
def test_the_gradient_is_that_of_one_process_on_the_whole_batch(objective, tmp_path):
    import lightning

    words = [f"objective={objective}"]
    script = Path(__file__).with_name("ddp_gradient.py")
    python(script, tmp_path / "gradient.pt", *words, cwd=tmp_path)
    gradient = torch.load(tmp_path / "gradient.pt")
    config = compose(*words)
    lightning.seed_everything(0, verbose=False)
    data = config_build.build_data(config)
    module = build.build_module(config, data)
    batch = next(iter(data._batches("train", 128, train=True, shuffle=False)))
    losses = []
    for rank in range(2):
        torch.manual_seed(1_000_003 * rank)
        mine = batch._replace(x=batch.x[rank::2], label=batch.label[rank::2])
        record = module._record(data.on_after_batch_transfer(mine, 0))
        losses.append(module.objective(record).loss)
    # the mean over the whole batch, with the noise that each example met
    (sum(losses) / 2).backward()
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(gradient[name], parameter.grad, rtol=1e-4, atol=1e-6)


def test_a_run_writes_once_and_evaluates_every_example_once(tmp_path):
    # the last batch holds a single example, and the second process none
    words = ["trainer.limit_test_batches=null", "data.eval_batch_size=3333"]
    done = python("-m", "vae.train", *DDP, *words, PICTURES, cwd=tmp_path)
    (path,) = tmp_path.rglob("results.json")
    results = json.loads(path.read_text())
    assert results["test"]["elbo"]["num_examples"] == 10_000
    assert results["train"]["steps"] == 2
    assert results["test"]["log_px"]["num_examples"] == 10_000
    assert len(list(path.parent.glob("pictures/*.png"))) == 7
    assert done.stdout.count("run directory:") == 1
    assert not list(tmp_path.rglob("*-v1.ckpt"))


def test_a_process_may_get_no_example_at_all(tmp_path):
    # validation and test have one batch, of one image
    python("-m", "vae.train", *QUICK, "data.eval_batch_size=1", cwd=tmp_path)
    (path,) = tmp_path.rglob("results.json")
    assert json.loads(path.read_text())["test"]["elbo"]["num_examples"] == 1


def test_an_evaluation_by_two_is_that_of_one(tmp_path):
    python("-m", "vae.train", *FAST, *SMALL, "run_dir=run", cwd=tmp_path)
    few = ["num_samples=2", "surgery=100", "probe=0", "fid=0", "pictures=2", "run=run"]
    found = []
    for name, trainer in (("one", "cpu"), ("two", "ddp")):
        words = [*few, f"out={name}", f"trainer={trainer}", "trainer.accelerator=cpu"]
        done = python("-m", "vae.evaluate", *words, cwd=tmp_path)
        assert done.stdout.count("run directory:") == 1
        found.append(json.loads((tmp_path / name / "results.json").read_text()))
    one, two = found
    assert one["test"]["log_px"]["num_examples"] == two["test"]["log_px"]["num_examples"] == 297
    assert one["latents"]["variance"] == pytest.approx(two["latents"]["variance"], rel=1e-4)
    # in closed form, so no other samples are met
    assert one["test"]["rate"]["value"] == pytest.approx(two["test"]["rate"]["value"], rel=1e-6)


def test_every_job_of_a_multirun_trains_on_its_own_overrides(tmp_path):
    python("-m", "vae.train", "-m", "model.latent_dim=2,3", *QUICK, cwd=tmp_path)
    (sweep,) = (tmp_path / "multirun" / "vae").iterdir()
    assert sorted(p.parent.name for p in sweep.glob("*/config.yaml")) == ["0", "1"]
    assert not (tmp_path / "outputs").exists()
    for job, latent_dim in (("0", 2), ("1", 3)):
        checkpoint = torch.load(sweep / job / "checkpoints" / "last.ckpt", weights_only=True)
        assert checkpoint["vae"]["config"]["model"]["latent_dim"] == latent_dim
        assert checkpoint["state_dict"]["model.decoder.0.weight"].shape[1] == latent_dim


def test_a_failing_job_of_a_multirun_leaves_the_next_one_alone(tmp_path):
    words = ["-m", "vae.train", "-m", *QUICK, "data.batch_size=127,128", "trainer.max_epochs=12"]
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 1
    assert "must be a multiple of their number, got 127 for 2 devices; set it to 128" in done.stderr
    assert "Traceback" not in done.stderr
    (results,) = tmp_path.glob("multirun/vae/*/*/results.json")
    assert results.parent.name == "1"


@pytest.mark.parametrize("words", [["trainer.devices=1"]])
def test_one_device_needs_no_second_process(words, tmp_path):
    python("-m", "vae.train", *QUICK, *words, cwd=tmp_path)
    assert len(list(tmp_path.rglob("results.json"))) == 1
