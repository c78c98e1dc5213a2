"""An autoencoder generates once a prior is fitted, and not before."""

import pytest
import torch

import vae
import vae.errors
from tests.trained import evaluation
from vae.cli.command import compose
from vae.errors import ConfigError
from vae.reporting.generate import generate
from vae.runs.opened import open_run
from vae.training.fit_prior import fit_prior

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("word", ["mixture_of_gaussians", "flow", "diffusion"])
def test_an_autoencoder_generates_once_a_prior_is_fitted(autoencoder, word, capsys, monkeypatch):
    from vae.model.priors.diffusion import Diffusion
    from vae.model.priors.flow import Flow

    for kind in (Flow, Diffusion):
        fit = kind.fit
        monkeypatch.setattr(
            kind, "fit", lambda self, z, seed, say, fit=fit: fit(self, z, seed, 500)
        )
    before = open_run(autoencoder.directory)
    path = fit_prior(
        compose(f"run={autoencoder.directory}", f"model/prior={word}", name="fit_prior")
    )
    assert path == autoencoder.directory / "checkpoints" / f"{word}.ckpt"
    after = vae.load(path)
    with torch.no_grad():
        z = after.embed(next(autoencoder.data.batches("test", 297)).x)
        assert after.prior().log_prob(z).mean() > before.model.prior().log_prob(z).mean() + 0.5
        assert torch.equal(z, before.model.embed(next(autoencoder.data.batches("test", 297)).x))
        assert after.sample(4).shape == (4, 1, 8, 8)
    assert "nats under the run's prior" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="exists; choose another out="):
        fit_prior(compose(f"run={autoencoder.directory}", f"model/prior={word}", name="fit_prior"))
    # any command takes it as a run
    assert set(
        evaluation(path, "surgery=0", "probe=0", "pictures=0", f"out={path.parent / word}").test
    ) == {"distortion"}


def test_a_prior_that_cannot_be_fitted_is_refused(autoencoder):
    with pytest.raises(ConfigError, match="choose mixture_of_gaussians, flow or diffusion"):
        fit_prior(
            compose(f"run={autoencoder.directory}", "model/prior=vampprior", name="fit_prior")
        )


def test_the_number_of_steps_is_the_users(autoencoder, tmp_path):
    words = (f"run={autoencoder.directory}", "steps=3")
    for prior in ("flow", "diffusion"):
        out = tmp_path / f"{prior}.ckpt"
        fit_prior(compose(*words, f"model/prior={prior}", f"out={out}", name="fit_prior"))
        assert vae.load(out).sample(2).shape == (2, 1, 8, 8)
    with pytest.raises(ConfigError, match=r"steps= is for priors that are fitted by gradients"):
        fit_prior(compose(*words, "model/prior=mixture_of_gaussians", name="fit_prior"))


def test_an_autoencoder_does_not_pass_off_noise_as_samples(autoencoder, capsys, tmp_path):
    with pytest.raises(ConfigError, match=r"fit one with python -m vae\.fit_prior"):
        generate(compose(f"run={autoencoder.directory}", name="generate"))
    words = ("surgery=0", "probe=0", f"out={tmp_path / 'out'}", "fid=100")
    results = evaluation(autoencoder.directory, *words)
    assert results.samples is None
    assert "no FID" in capsys.readouterr().out
    drawn = {p.name for p in (tmp_path / "out" / "pictures").iterdir()}
    assert "samples.png" not in drawn
    assert "reconstructions.png" in drawn
