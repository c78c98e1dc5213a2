"""The likelihoods beside Bernoulli and Gaussian."""

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from vae.errors import ConfigError
from vae.model.likelihoods.categorical import Categorical
from vae.model.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vae.model.likelihoods.discretized_logistic import DiscretizedLogistic
from vae.model.likelihoods.discretized_logistic_mixture import DiscretizedLogisticMixture
from vae.model.likelihoods.laplace import Laplace
from vae.model.likelihoods.student_t import StudentT

SHAPE = (2, 3, 4)
ALL = [
    ContinuousBernoulli(SHAPE),
    Laplace(SHAPE),
    Laplace(SHAPE, scale=0.3),
    Laplace(SHAPE, scale="per_pixel"),
    StudentT(SHAPE),
    StudentT(SHAPE, df=4.0, scale="per_pixel"),
    DiscretizedLogistic(SHAPE),
    DiscretizedLogistic(SHAPE, scale="shared"),
    DiscretizedLogisticMixture(SHAPE, components=3),
    DiscretizedLogisticMixture(SHAPE, components=1),
    Categorical(SHAPE),
]


def name(likelihood):
    return type(likelihood).__name__


@pytest.mark.parametrize("likelihood", ALL, ids=name)
def test_batches_samples_and_events_have_their_shapes(likelihood):
    p = likelihood(torch.randn(5, 6, *likelihood.feature_shape))
    assert p.batch_shape == (5, 6)
    assert p.event_shape == SHAPE
    x = p.sample()
    assert x.shape == p.mean.shape == (5, 6, *SHAPE)
    assert likelihood.support.check(x).all()
    assert p.log_prob(x[0]).shape == (5, 6)
    assert p.log_prob(x).isfinite().all()


@pytest.mark.parametrize("likelihood", ALL, ids=name)
def test_each_pixel_depends_on_its_own_features_alone(likelihood):
    """One pixel's log-probabilities are those of a likelihood of that pixel alone."""
    features = torch.randn(*likelihood.feature_shape)
    x = likelihood(features).sample()
    pixels = likelihood(features).base_dist.log_prob(x)
    assert pixels.shape == SHAPE
    changed = features.clone()
    changed[..., 1, 2] += torch.randn(len(features))
    differs = likelihood(changed).base_dist.log_prob(x) != pixels
    expected = torch.zeros(SHAPE, dtype=torch.bool)
    expected[:, 1, 2] = True
    assert (differs == expected).all()


@pytest.mark.parametrize("likelihood", ALL, ids=name)
def test_starts_at_the_mean_of_the_data(likelihood):
    mean = torch.rand(SHAPE) * 0.8 + 0.1
    found = likelihood(likelihood.features_at(mean)).mean
    # a wide logistic has mass beyond the ends, components have a spread, levels a grid
    loose = {DiscretizedLogistic: 0.08, DiscretizedLogisticMixture: 0.08, Categorical: 0.005}
    torch.testing.assert_close(found, mean, rtol=0, atol=loose.get(type(likelihood), 1e-3))


@pytest.mark.parametrize("scale", [0.3, "shared", "per_pixel"])
@pytest.mark.parametrize("x", [-0.5, 0.2, 1.7])
def test_laplace_and_student_t_are_scipys(scale, x):
    features = torch.tensor([[[0.1]], [[-1.0]]] if scale == "per_pixel" else [[[0.1]]]).double()
    laplace = Laplace((1, 1, 1), scale=scale).double()
    loc, s = (t.item() for t in laplace.loc_and_scale(features))
    value = torch.full((1, 1, 1), x, dtype=torch.float64)
    assert laplace(features).log_prob(value).item() == pytest.approx(
        stats.laplace(loc, s).logpdf(x)
    )
    for df in (3.5, "shared"):
        student = StudentT((1, 1, 1), df=df, scale=scale).double()
        exact = stats.t(5.0 if df == "shared" else df, loc, s).logpdf(x)
        assert student(features).log_prob(value).item() == pytest.approx(exact, abs=1e-6)


def test_a_students_density_integrates_to_one():
    student = StudentT((1, 1, 1), df="shared").double()

    def density(x):
        value = torch.full((1, 1, 1), x, dtype=torch.float64)
        return student(torch.zeros(1, 1, 1).double()).log_prob(value).exp().item()

    assert integrate.quad(density, -np.inf, np.inf)[0] == pytest.approx(1, abs=1e-6)


def test_the_mixtures_features_are_logits_means_and_scales_in_turn():
    likelihood = DiscretizedLogisticMixture((2, 1, 1), components=2)
    features = torch.zeros(12, 1, 1)
    # the second component of the first channel: far heavier, and at 0.9
    features[2], features[6], features[10] = 20.0, 0.9, -5.0
    mean = likelihood(features).mean
    assert mean[0].item() == pytest.approx(0.9, abs=0.01)
    assert mean[1].item() < 0.5


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Laplace(SHAPE, scale=0.0), "a Laplace's scale must be positive"),
        (lambda: StudentT(SHAPE, df=2.0), "above 2"),
        (lambda: StudentT(SHAPE, initial_scale=0.001), "start above min_scale"),
        (lambda: DiscretizedLogisticMixture(SHAPE, components=0), "at least 1 component"),
        (lambda: DiscretizedLogistic(SHAPE, scale=-1.0), "must be positive"),
    ],
)
def test_what_makes_no_sense_is_refused(build, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        build()
