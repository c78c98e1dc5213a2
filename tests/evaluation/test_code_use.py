import csv

import pytest

from tests.commands import PICTURES
from tests.trained import evaluation
from vae.cli.command import compose
from vae.training.fit_prior import fit_prior
from vae.training.loop import train

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("posterior", ["categorical", "fsq", "lfq", "vq"])
def test_a_discrete_run_says_how_much_of_its_codes_is_used(tiny, posterior, capsys):
    words = ("data=digits", f"model/posterior={posterior}", "model/prior=autoregressive")
    result = train(tiny(*words, "model.latent_dim=8", "model.prior.hidden=[8]", PICTURES))
    codes = result.results.latents.codes
    classes = {"categorical": 8, "fsq": 2 * (8 + 5 + 5 + 5), "lfq": 16, "vq": 512}[posterior]
    assert codes.choices == (8 if posterior in ("fsq", "lfq") else 1)
    assert codes.classes == classes
    assert 1 <= codes.perplexity <= (512 if posterior == "vq" else 8)
    assert 0 <= codes.rare < codes.classes
    assert codes.lists == (8 if posterior in ("fsq", "lfq") else 1)
    assert result.results.numbers()["latents/code_perplexity"] == codes.perplexity
    assert (result.directory / "pictures" / "codes.png").is_file()
    assert (
        f"{codes.rare} of {codes.classes} classes" in (result.directory / "report.html").read_text()
    )
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if "code perplexity" in line]
    assert f" {codes.perplexity:.2f} " in line
    assert f"{codes.rare} of {codes.classes} classes" in line
    with (result.directory / "metrics.csv").open() as f:
        logged = [r["val/code_perplexity"] for r in csv.DictReader(f) if r["val/code_perplexity"]]
    assert 1 <= float(logged[-1]) <= (512 if posterior == "vq" else 8)


def test_a_run_without_codes_says_nothing_of_them(tiny, capsys):
    assert train(tiny("data=digits")).results.latents.codes is None
    assert "perplexity" not in capsys.readouterr().out


@pytest.mark.parametrize("posterior", ["fsq", "lfq", "vq"])
def test_the_one_code_of_an_image_is_sampled_once(tiny, posterior):
    words = ("data=digits", f"model/posterior={posterior}", "model/prior=uniform")
    found = train(tiny(*words, "model.latent_dim=8", "evaluate.num_samples=20")).results
    assert found.test["log_px"].num_samples == 1
    assert found.test["log_px"].value == pytest.approx(found.test["elbo"].value)


@pytest.mark.parametrize("likelihood", ["bernoulli", "discretized_logistic"])
def test_a_learned_prior_over_codes_stands_beside_the_uniform_one(tiny, likelihood, capsys):
    words = ("data=digits", "model/posterior=vq", "model/prior=uniform", "model.latent_dim=8")
    more = (f"model/likelihood={likelihood}", "model.posterior.classes=16")
    trained = train(tiny(*words, *more, "evaluate.num_samples=1"))
    before = evaluation(trained.directory, "surgery=0", "probe=0", "pictures=0").test
    assert "log_px_uniform" not in before
    fitted = fit_prior(
        compose(
            f"run={trained.directory}",
            *("model/prior=autoregressive", "model.prior.hidden=[8]", "steps=300"),
            name="fit_prior",
        )
    )
    capsys.readouterr()
    out = f"out={trained.directory / 'fitted'}"
    after = evaluation(fitted, "surgery=0", "probe=0", "pictures=0", out).test
    # the same codes cost what they had cost before, and less under what has learned them
    assert after["log_px_uniform"].value == pytest.approx(before["log_px"].value, abs=1e-4)
    assert after["log_px_uniform"].standard_error == pytest.approx(before["log_px"].standard_error)
    assert after["log_px"].value > after["log_px_uniform"].value + 0.1
    assert ("bits_per_dim" in before) == (likelihood == "discretized_logistic")
    if "bits_per_dim" in before:
        bits = after["bits_per_dim_uniform"].value
        assert bits == pytest.approx(before["bits_per_dim"].value, abs=1e-6)
    assert "log p(x), uniform p(z)" in capsys.readouterr().out
