"""The terms of the perceptual objective against their formulas, and what moves what."""

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from vae.errors import ConfigError
from vae.evaluation.features import OwnFeatures, turned
from vae.metrics.features import FeatureNetwork
from vae.model.record import Record
from vae.objectives.features import FeatureDistance, unit
from vae.objectives.patches import Patches
from vae.objectives.perceptual import Perceptual

SHAPE = (3, 16, 16)


class Same(FeatureDistance):
    """An image as its own features."""

    def maps(self, x):
        return [x]


def record(batch=4, scale=1.0):
    g = torch.Generator().manual_seed(0)
    x = torch.rand(batch, *SHAPE, generator=g).double()
    z = torch.randn(1, batch, 2, generator=g).double().requires_grad_()
    w = torch.randn(2, *SHAPE, generator=g).double()
    loc = torch.einsum("sbd,dchw->sbchw", z, w) / 4 + 0.5
    q = Independent(Normal(z[0], torch.ones(batch, 2).double()), 1)
    p = Independent(Normal(torch.zeros(2).double(), torch.ones(2).double()), 1)
    return Record(x, q, z, p, Independent(Normal(loc, scale), 3)), loc


def objective(**words):
    torch.manual_seed(0)
    return Perceptual(Patches(SHAPE, channels=4, layers=1).double(), Same(), **words)


def test_without_features_and_adversary_it_is_the_weighted_bound():
    one, loc = record()
    found = objective(perceptual_weight=0, adversary_weight=0, rate_weight=0.3).maximised(one, 1)
    squares = 0.5 * (one.x - loc[0]).square().flatten(1).sum(1)
    constant = 0.5 * one.x[0].numel() * torch.log(torch.tensor(2 * torch.pi)).double()
    torch.testing.assert_close(found, -(squares + constant + 0.3 * one.kl))


def test_the_distance_of_features_is_of_their_directions():
    one, loc = record()
    found = objective().distance(one.x, loc)
    cosine = nn.functional.cosine_similarity(one.x, loc[0], dim=1)
    expected = (2 - 2 * cosine).mean((1, 2)) * one.x[0].numel()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    assert torch.allclose(objective().distance(one.x, one.x[None]), torch.zeros(4).double())
    torch.testing.assert_close(unit(one.x).square().sum(1), torch.ones(4, 16, 16).double())


def test_the_adversary_pulls_as_hard_as_its_weight_says():
    """The gradient of its term in the image is beta times that of the others, by their norms."""
    one, loc = record()
    after, before = (
        torch.autograd.grad(objective().maximised(one, t).mean(), loc, retain_graph=True)[0]
        for t in (0.5, 0.49)
    )
    assert ((after - before).norm() / before.norm()).item() == pytest.approx(0.5, rel=0.01)
    # and in the direction in which D is less sure that it is made
    d = objective().adversary
    direction = torch.autograd.grad(d.judged(loc[0]).mean(), loc)[0]
    pulled = after - before
    cosine = (pulled * direction).sum() / pulled.norm() / direction.norm()
    assert cosine.item() == pytest.approx(1, abs=1e-6)


def test_the_adversary_learns_after_its_start_and_from_images_as_they_are():
    one, _ = record()
    made = objective()
    made.error(one, 0.4).mean().backward()
    weights = list(made.adversary.parameters())
    assert all(w.grad is not None and not w.grad.any() for w in weights)
    made.error(one, 0.6).mean().backward()
    assert any(w.grad.any() for w in weights)
    assert one.z.grad is None


def test_the_hinge_is_its_formula():
    d = Patches(SHAPE, channels=4, layers=1).double()
    real, made = torch.rand(5, *SHAPE).double(), torch.rand(5, *SHAPE).double()
    one, other = d.of_each(real).flatten(1), d.of_each(made).flatten(1)
    expected = (torch.clamp(1 - one, min=0) + torch.clamp(1 + other, min=0)).mean(1) / 2
    torch.testing.assert_close(d.error(real, made), expected)
    # one image's patches do not depend on the others of the batch
    torch.testing.assert_close(d.of_each(real)[:1], d.of_each(real[:1]))


def test_a_validation_has_no_balance():
    one, _ = record()
    with torch.no_grad():
        found, plain = (objective(adversary_weight=w).maximised(one, 1.0) for w in (0.5, 0.0))
    torch.testing.assert_close(found, plain)


def test_a_likelihood_without_a_gradient_in_its_mean_is_refused():
    one, _ = record()

    class Hidden(Independent):
        @property
        def mean(self):
            return super().mean.detach().requires_grad_()

    hidden = Hidden(one.likelihood.base_dist, 3)
    made = objective(perceptual_weight=0)
    with pytest.raises(ConfigError, match=r"choose model/likelihood=laplace or gaussian"):
        made.maximised(Record(one.x, one.posterior, one.z, one.prior, hidden), 1.0)


@pytest.mark.parametrize(
    "words", [{"rate_weight": -1}, {"adversary_start": 1.5}, {"perceptual_weight": -1}]
)
def test_bad_weights_are_refused(words):
    with pytest.raises(ValueError, match="weights are at least 0"):
        objective(**words)


def test_images_that_are_too_small_for_the_patches_are_refused():
    with pytest.raises(ValueError, match=r"16 x 16; set objective.adversary.layers=1"):
        Patches(SHAPE, layers=3)


def test_pictures_are_turned_four_ways():
    images = torch.arange(12, dtype=torch.uint8).reshape(1, 1, 3, 4)
    for shape in (images, images[..., :3]):
        found, way = turned(shape)
        assert len({t.numpy().tobytes() for t in found}) == 4
        assert way.tolist() == [0, 1, 2, 3]
        assert torch.equal(found[0], shape[0])
        assert all(
            torch.equal(t.sort().values, found[0].flatten().sort().values) for t in found.flatten(1)
        )


def test_maps_stay_as_they_are():
    maps = OwnFeatures(FeatureNetwork(SHAPE, 4))
    one, two = maps.maps(torch.rand(2, *SHAPE))
    assert one.shape == (2, 32, 8, 8)
    assert two.shape == (2, 64, 4, 4)
    assert not any(p.requires_grad for p in maps.parameters())


def test_a_run_is_ranked_by_its_distortion_and_says_that_samples_are_noise(tmp_path, capsys):
    import vae

    run = vae.fit(
        "data=digits",
        "model=spatial",
        "model.channels=[8,8]",
        "model/likelihood=laplace",
        "objective=perceptual",
        "objective.adversary.layers=1",
        "objective.adversary.channels=4",
        "trainer.max_epochs=2",
        "trainer.limit_train_batches=5",
        "evaluate.num_samples=0",
        "evaluate.surgery=0",
        "evaluate.probe=0",
        "evaluate.reconstructions=99",
        "callbacks.pictures=null",
        f"run_dir={tmp_path / 'run'}",
    )
    rows = (run.directory / "metrics.csv").read_text()
    assert "val/perceptual" in rows
    assert "val/adversary" in rows
    assert run.results.score < 0
    found = run.results.reconstructions
    assert 0 < found.psnr.value < 60
    assert found.ssim is None
    assert (found.rfid, found.features, found.num_images) == (None, None, 99)
    said = capsys.readouterr().out
    assert "no SSIM: its window is 11 pixels wide" in said
    assert "no rFID: it takes at least 100 test images, and there are 99" in said
    quiet = {"num_samples": 0, "surgery": 0, "probe": 0, "pictures": 0}
    again = run.evaluate(fid=100, reconstructions=100, **quiet)
    assert again.samples is None
    assert again.reconstructions.rfid.value > 0
    assert "no FID: an autoencoder's codes are not drawn" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="this run is an autoencoder"):
        run.generate("samples", out=tmp_path / "x.png")
