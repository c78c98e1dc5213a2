import math

import pytest
import torch
import yaml
from PIL import Image

from tests.commands import PICTURES
from vae.config import build as config_build
from vae.runs.results import read_results
from vae.training.loop import train

pytestmark = pytest.mark.slow


def test_a_run_leaves_what_it_promises(tiny, capsys):
    config = tiny("model.latent_dim=2", "data.val_size=1000", PICTURES)
    result = train(config)
    directory = result.directory
    names = {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}
    assert names == {
        "config.yaml",
        "results.json",
        "report.html",
        "metrics.csv",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "pictures/reconstructions.png",
        "pictures/samples.png",
        "pictures/interpolations.png",
        "pictures/traversals.png",
        "pictures/latents.png",
        "pictures/dimensions.png",
        "pictures/manifold.png",
        "pictures/curves.png",
    }
    assert yaml.safe_load((directory / "config.yaml").read_text()) == config
    assert read_results(directory) == result.results
    for path in (directory / "pictures").iterdir():
        with Image.open(path) as image:
            assert min(image.size) > 100
    printed = capsys.readouterr().out
    for word in ("59,000 train, 1,000 val, 10,000 test", "Bernoulli", "MLP", "ELBO", "log p(x)"):
        assert word in printed


def test_results_are_consistent(tiny):
    results = train(tiny("evaluate.num_samples=20", steps=20)).results
    test = results.test
    assert test["elbo"].value == pytest.approx(-(test["rate"].value + test["distortion"].value))
    assert test["log_px"].value > test["elbo"].value
    assert test["log_px"].num_samples == test["elbo"].num_samples == 20
    assert test["log_px"].num_examples == 100
    assert 1 <= test["log_px"].effective_samples <= 20
    train_ = results.train
    assert train_.steps == 20
    # 430 batches of 128 hold the 55,000 examples, but for 40 that are missing in the last
    seen = train_.images_per_second * train_.seconds
    assert seen == pytest.approx(20 * 128, rel=1e-3)
    assert "bits_per_dim" not in test


def test_bits_per_dim_of_a_uniform_density_is_eight(tiny, monkeypatch):
    from torch.distributions import Independent, Uniform

    from vae.model.likelihoods.gaussian import Gaussian

    def uniform(self, features):
        zero = 0 * features
        return Independent(Uniform(zero, zero + 1, validate_args=False), 3, validate_args=False)

    monkeypatch.setattr(Gaussian, "forward", uniform)
    words = ("model/likelihood=gaussian", "model.likelihood.scale=1.0", "optimizer.lr=0.0")
    results = train(tiny(*words)).results
    bits = results.test["bits_per_dim"]
    assert bits.value == pytest.approx(8 - results.test["log_px"].value / 784 / math.log(2))
    assert results.test["log_px"].value == pytest.approx(0, abs=0.5)


def test_a_checkpoint_rebuilds_the_model_from_plain_values(tiny):
    result = train(tiny("model.latent_dim=3"))
    checkpoint = torch.load(result.directory / "checkpoints" / "best.ckpt", weights_only=True)
    card = checkpoint["vae"]
    model = config_build.build_model(card["config"], tuple(card["event_shape"]))
    weights = {
        k.removeprefix("model."): v for k, v in checkpoint["state_dict"].items() if "model." in k
    }
    model.load_state_dict(weights)
    x = next(result.data.batches("test", 10)).x
    assert torch.equal(model.encode(x).mean, result.model.encode(x).mean)


def test_the_last_checkpoint_is_the_last_and_the_best_the_best(tiny, monkeypatch):
    from vae.metrics.estimate import Means

    scores = iter([-150.0, -100.0, -120.0])
    compute = Means.compute

    def scored(self):
        found = compute(self)
        score = next(scores, None)
        return found if score is None else found | {"elbo": found["elbo"]._replace(value=score)}

    monkeypatch.setattr(Means, "compute", scored)
    result = train(tiny("trainer.max_epochs=3"))
    steps = {
        name: torch.load(result.directory / f"checkpoints/{name}.ckpt", weights_only=True)
        for name in ("best", "last")
    }
    assert steps["best"]["global_step"] == 4
    assert steps["last"]["global_step"] == 6
    assert result.results.score == -100
    for name, value in result.model.state_dict().items():
        assert torch.equal(steps["best"]["state_dict"][f"model.{name}"], value)


@pytest.mark.parametrize("count", [1, 5])
def test_pictures_fit_any_count_and_any_number_of_test_images(tiny, count):
    words = ("data=digits", PICTURES, f"callbacks.pictures.count={count}")
    directory = train(tiny(*words)).directory
    assert len(list((directory / "pictures").iterdir())) == 7


@pytest.mark.parametrize(
    "words",
    [
        ("trainer.limit_test_batches=0",),
        ("trainer.limit_test_batches=0", "evaluate.num_samples=0"),
        ("callbacks.checkpoint=null",),
        ("callbacks.checkpoint=null", "callbacks.last=null"),
        ("trainer.max_epochs=0",),
        ("trainer.max_steps=1",),
    ],
)
@pytest.mark.filterwarnings("ignore:.*could not find the monitored key")
def test_legal_trainer_settings_end_well(tiny, words):
    result = train(tiny(*words))
    tested = "trainer.limit_test_batches=0" not in words
    assert ("elbo" in result.results.test) == tested
    kept = {p.name for p in result.directory.rglob("*.ckpt")}
    assert kept <= {"best.ckpt", "last.ckpt"}
    assert ("best.ckpt" in kept) <= ("callbacks.checkpoint=null" not in words)


@pytest.mark.parametrize(("posterior", "samples"), [("diagonal_normal", 0), ("iaf", 7)])
def test_the_rate_states_the_samples_it_took(tiny, posterior, samples):
    """A rate in closed form is exact, whatever the objective used."""
    words = (f"model/posterior={posterior}", "objective.kl=monte_carlo", "evaluate.num_samples=7")
    test = train(tiny(*words)).results.test
    assert test["rate"].num_samples == samples
    assert test["distortion"].num_samples == 7


def test_a_checkpoint_cannot_say_what_may_be_loaded(tiny):
    directory = train(tiny("allow=[subprocess]")).directory
    checkpoint = torch.load(directory / "checkpoints" / "best.ckpt", weights_only=True)
    assert checkpoint["vae"]["config"]["allow"] == []


def test_a_directory_with_brackets_is_printed_as_it_is(tiny, tmp_path, capsys):
    path = tmp_path / "[old]" / "[/x] run"
    train(tiny(f"run_dir='{path}'"))
    assert f"run directory: {path}\n" in capsys.readouterr().out


def test_without_a_validation_set_the_last_checkpoint_is_tested(tiny):
    result = train(tiny("data.val_size=0"))
    assert result.results.score == result.results.test["elbo"].value
    assert (result.directory / "checkpoints" / "last.ckpt").exists()


def test_the_average_of_the_weights_is_what_is_kept_and_tested(tiny):
    result = train(tiny("callbacks=ema", "trainer.max_epochs=2", steps=5))
    checkpoint = torch.load(result.directory / "checkpoints" / "best.ckpt", weights_only=True)
    for name, value in result.model.state_dict().items():
        assert torch.equal(checkpoint["state_dict"][f"model.{name}"], value)
        assert not torch.equal(checkpoint["current_model_state"][f"model.{name}"], value)


@pytest.mark.parametrize("callbacks", ["default", "ema"])
@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_other_precisions_train(tiny, precision, callbacks):
    words = (f"trainer.precision={precision}", f"callbacks={callbacks}", "trainer.max_epochs=2")
    elbo = train(tiny(*words, steps=20)).results.test["elbo"]
    assert -230 < elbo.value < -100
    assert 0.5 < elbo.standard_error < 5


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
@pytest.mark.parametrize(
    "words",
    [
        ("model/posterior=iaf",),
        ("model/posterior=full_covariance_normal", "model/prior=vampprior"),
        ("model/prior=flow", "model/likelihood=discretized_logistic"),
        ("model/prior=mixture_of_gaussians", "model/likelihood=student_t", "objective=dreg"),
    ],
)
def test_every_distribution_keeps_its_precision(tiny, precision, words):
    """A network may be coarse, but densities are computed in float32 at least."""
    config = tiny(f"trainer.precision={precision}", "model.latent_dim=4", *words, steps=5)
    results = train(config).results.test
    assert math.isfinite(results["log_px"].value)


@pytest.mark.parametrize("debug", ["one_batch", "overfit", "profile"])
def test_every_debug_config_runs(tiny, debug):
    config = tiny(f"debug={debug}", "trainer.max_epochs=1", "trainer.limit_train_batches=3")
    result = train(config)
    assert result.results.train.steps >= 1
    profiles = [p.read_text() for p in result.directory.glob("fit-profile.txt")]
    assert len(profiles) == (debug == "profile")
    assert all("run_training_batch" in text for text in profiles)
