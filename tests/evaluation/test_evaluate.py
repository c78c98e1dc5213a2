"""An evaluation repeats the test's numbers, looks closer, and leaves the run alone."""

import json
import math

import pytest
import torch

from tests.trained import SMALL, evaluation
from vae.cli.command import compose
from vae.errors import ConfigError
from vae.evaluation.evaluate import evaluate
from vae.runs.results import read_results
from vae.training.loop import train

pytestmark = pytest.mark.slow


def test_an_evaluation_repeats_the_tests_numbers_and_leaves_the_run_alone(finished, capsys):
    before = {p: p.read_bytes() for p in finished.directory.rglob("*") if p.is_file()}
    results = evaluation(
        finished.directory, "surgery=50", "probe=200", "finetune=20", "finetune_steps=5"
    )
    assert {p: p.read_bytes() for p in before} == before
    (folder,) = (finished.directory / "evaluations").iterdir()
    assert read_results(folder) == results
    names = {p.name for p in (folder / "pictures").iterdir()}
    assert results.score == results.test["elbo"].value
    assert {"samples.png", "dimensions.png", "latents.png", "manifold.png"} <= names
    # a VampPrior's rate is a mean over the samples, so it is near and not equal
    old, new = finished.results.test["elbo"], results.test["elbo"]
    assert abs(old.value - new.value) < 1.0
    assert results.train == finished.results.train
    latents = results.latents
    assert latents.mutual_information.value <= math.log(50)
    assert 0.1 < latents.knn_accuracy.value <= 1
    assert results.test["log_px_finetuned"].num_examples == 20
    printed = capsys.readouterr().out
    for word in ("log p(x), fitted", "I(n; z)", "4-NN accuracy", "active units"):
        assert word in printed


def test_fid_is_named_after_its_network(finished):
    samples = evaluation(
        finished.directory,
        "fid=300",
        "surgery=0",
        "probe=0",
        "pictures=0",
        "out=" + str(finished.directory / "x"),
    ).samples
    assert samples.fid.value > samples.fid_of_training_images.value > 0
    assert "own classifier of digits" in samples.features
    assert samples.num_images == samples.kid.num_samples == 300


def test_an_evaluation_is_the_same_whatever_the_batch(tmp_path):
    """The test images' draws are fixed and the rate has a closed form: neither knows the batch."""
    run = train(compose(*SMALL, "callbacks.pictures=null", f"run_dir={tmp_path / 'run'}"))
    results = []
    for size in (100, 77):
        checkpoint = run.directory / "checkpoints" / "best.ckpt"
        content = torch.load(checkpoint, weights_only=True)
        content["vae"]["config"]["data"]["eval_batch_size"] = size
        torch.save(content, checkpoint)
        config = compose(
            f"run={run.directory}",
            "trainer.accelerator=cpu",
            "num_samples=0",
            "surgery=0",
            "probe=0",
            "fid=0",
            "pictures=0",
            f"out={tmp_path / str(size)}",
            name="evaluate",
        )
        found = evaluate(config)
        assert found.test["rate"].num_samples == 0, "a closed form takes no samples"
        rate = {k: getattr(found.test["rate"], k) for k in ("value", "standard_error")}
        results.append((rate, found.latents.variance, found.latents.rate_per_dimension))
    for one, other in zip(*results, strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def test_what_was_tested_is_kept_when_a_closer_look_fails(finished, tmp_path, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no probe")

    monkeypatch.setattr("vae.evaluation.analysis._probes", fail)
    words = ("surgery=0", "probe=50", "pictures=0", f"out={tmp_path / 'out'}")
    with pytest.raises(RuntimeError, match="no probe"):
        evaluation(finished.directory, *words)
    kept = json.loads((tmp_path / "out" / "results.json").read_text())
    assert kept["test"]["log_px"]["num_samples"] == 3


def test_an_autoencoder_has_a_distortion_and_no_likelihood(autoencoder):
    assert set(autoencoder.results.test) == {"distortion"}
    assert autoencoder.results.score == autoencoder.results.train.best_val_score
    assert autoencoder.results.score < 0
    assert (autoencoder.directory / "checkpoints" / "best.ckpt").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fid=5"], "fid needs at least 100 images, or 0 for none"),
        (["probe=3"], "probe needs at least 10 images"),
        (["finetune=5", "num_samples=0"], "set it to 1 or more, or finetune=0"),
    ],
)
def test_an_evaluation_refuses_too_little_at_once(finished, words, message):
    with pytest.raises(ConfigError, match=message):
        evaluation(finished.directory, *words)
