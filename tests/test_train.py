import json
import math

import pytest
import torch
import yaml
from PIL import Image

from vae import build
from vae.train import train


def test_a_run_leaves_what_it_promises(tiny, capsys):
    config = tiny("model.latent_dim=2", "data.val_size=1000")
    result = train(config)
    directory = result.directory
    names = {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}
    assert names == {
        "config.yaml",
        "results.json",
        "metrics.csv",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "pictures/reconstructions.png",
        "pictures/samples.png",
        "pictures/manifold.png",
        "pictures/curves.png",
    }
    assert yaml.safe_load((directory / "config.yaml").read_text()) == config
    assert json.loads((directory / "results.json").read_text()) == result.results
    for path in (directory / "pictures").iterdir():
        with Image.open(path) as image:
            assert min(image.size) > 100
    printed = capsys.readouterr().out
    for word in ("59,000 train, 1,000 val, 10,000 test", "Bernoulli", "MLP", "ELBO", "log p(x)"):
        assert word in printed


def test_results_are_consistent(tiny):
    results = train(tiny("evaluate.num_samples=20", steps=20)).results
    test = results["test"]
    assert test["elbo"]["value"] == pytest.approx(
        -(test["rate"]["value"] + test["distortion"]["value"])
    )
    assert test["log_px"]["value"] > test["elbo"]["value"]
    assert test["log_px"]["num_samples"] == test["elbo"]["num_samples"] == 20
    assert test["log_px"]["num_examples"] == 100
    assert 1 <= test["log_px"]["effective_samples"] <= 20
    assert results["train"]["steps"] == 20
    assert "bits_per_dim" not in test


def test_bits_per_dim_of_a_uniform_density_is_eight(tiny, monkeypatch):
    from torch.distributions import Independent, Uniform

    from vae.model.likelihoods.gaussian import Gaussian

    def uniform(self, features):
        zero = 0 * features
        return Independent(Uniform(zero, zero + 1, validate_args=False), 3, validate_args=False)

    monkeypatch.setattr(Gaussian, "forward", uniform)
    words = ("model/likelihood=gaussian", "model.likelihood.scale=1.0", "optimizer.lr=0.0")
    results = train(tiny(*words, "callbacks.pictures=null")).results
    bits = results["test"]["bits_per_dim"]
    assert bits["value"] == pytest.approx(
        8 - results["test"]["log_px"]["value"] / 784 / math.log(2)
    )
    assert results["test"]["log_px"]["value"] == pytest.approx(0, abs=0.5)


def test_a_checkpoint_rebuilds_the_model_from_plain_values(tiny):
    result = train(tiny("model.latent_dim=3"))
    checkpoint = torch.load(result.directory / "checkpoints" / "best.ckpt", weights_only=True)
    card = checkpoint["vae"]
    model = build.build_model(card["config"], tuple(card["event_shape"]))
    weights = {
        k.removeprefix("model."): v for k, v in checkpoint["state_dict"].items() if "model." in k
    }
    model.load_state_dict(weights)
    x = next(result.data.batches("test", 10)).x
    assert torch.equal(model.encode(x).mean, result.model.encode(x).mean)


def test_without_a_validation_set_the_last_checkpoint_is_tested(tiny):
    result = train(tiny("data.val_size=0"))
    assert result.results["score"] == result.results["test"]["elbo"]["value"]
    assert (result.directory / "checkpoints" / "last.ckpt").exists()


def test_the_average_of_the_weights_is_what_is_kept_and_tested(tiny):
    result = train(tiny("callbacks=ema", "trainer.max_epochs=2", steps=5))
    checkpoint = torch.load(result.directory / "checkpoints" / "best.ckpt", weights_only=True)
    for name, value in result.model.state_dict().items():
        assert torch.equal(checkpoint["state_dict"][f"model.{name}"], value)
        assert not torch.equal(checkpoint["current_model_state"][f"model.{name}"], value)


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(tiny, precision):
    elbo = train(tiny(f"trainer.precision={precision}", steps=10)).results["test"]["elbo"]["value"]
    assert -400 < elbo < -100


@pytest.mark.parametrize("debug", ["one_batch", "overfit", "profile"])
def test_every_debug_config_runs(tiny, debug):
    config = tiny(f"debug={debug}", "trainer.max_epochs=1", "trainer.limit_train_batches=3")
    result = train(config)
    assert result.results["train"]["steps"] >= 1
    profiles = [p.read_text() for p in result.directory.glob("fit-profile.txt")]
    assert len(profiles) == (debug == "profile")
    assert all("run_training_batch" in text for text in profiles)
