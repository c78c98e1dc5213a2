"""log p(x) of a model with few codes, which can be summed over all of them."""

import itertools

import pytest
import torch
from torch import nn

from vae.model.families.vae import VAE
from vae.model.likelihoods.bernoulli import Bernoulli
from vae.model.posteriors.categorical import Categorical
from vae.model.posteriors.fsq import FSQ
from vae.model.posteriors.lfq import LFQ
from vae.model.posteriors.vq import VQ
from vae.model.priors.uniform import Uniform
from vae.objectives.elbo import ELBO

SHAPE = (1, 2, 2)


def model(posterior):
    torch.manual_seed(0)
    dim = posterior.latent_dim
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(4, dim))
    decoder = nn.Sequential(nn.Linear(dim, 4), nn.Unflatten(1, SHAPE))
    return VAE(encoder, decoder, posterior, Uniform(posterior), Bernoulli(SHAPE)).double().eval()


def exact(vae, codes):
    """log p(x) of every image of four black or white pixels, summed over all codes."""
    x = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4))).double().reshape(-1, *SHAPE)
    with torch.no_grad():
        joint = vae.decode(codes[:, None]).log_prob(x) + vae.prior().log_prob(codes)[:, None]
    return x, joint.logsumexp(0)


def categorical_codes():
    eye = torch.eye(3).double()
    return torch.stack([torch.cat(rows) for rows in itertools.product(eye, repeat=2)])


def fsq_codes():
    levels = [torch.linspace(-1, 1, n).double() for n in (2, 3)]
    return torch.cartesian_prod(*levels)


def lfq_codes():
    return torch.cartesian_prod(*[torch.tensor([-1.0, 1.0]).double()] * 3)


def vq():
    torch.manual_seed(0)
    return VQ(4, classes=3, length=2)


def vq_codes():
    vectors = vq().codebook.each[0].vectors.double()
    return torch.stack([torch.cat(rows) for rows in itertools.product(vectors, repeat=2)])


CASES = {
    "categorical": (lambda: Categorical(6, classes=3), categorical_codes),
    "fsq": (lambda: FSQ(2, [2, 3]), fsq_codes),
    "lfq": (lambda: LFQ(3), lfq_codes),
    "vq": (vq, vq_codes),
}


@pytest.mark.parametrize("case", CASES)
def test_the_model_sums_to_one_and_its_elbo_is_below(case):
    posterior, codes = CASES[case]
    vae = model(posterior())
    x, log_px = exact(vae, codes())
    assert log_px.exp().sum() == pytest.approx(1)
    with torch.no_grad():
        elbo = ELBO(num_samples=2000)(vae(x, 2000)).elbo
    assert (elbo < log_px + 1e-6).all()
    if case != "categorical":
        # the one code of each image, against all
        record = vae(x)
        expected = record.log_px[0] - torch.tensor(float(len(codes()))).log()
        torch.testing.assert_close(elbo, expected.double().detach())


@pytest.mark.parametrize(
    "posterior", [Categorical(6, 3), FSQ(2, [8, 7]), LFQ(3), VQ(4, 300, 2)], ids=CASES
)
def test_codes_are_not_rounded_by_autocast(posterior):
    posterior.eval()
    book = posterior.codebook
    torch.manual_seed(0)
    z = book.code(torch.rand(500, len(book.sizes)))
    features = torch.randn(500, *posterior.feature_shape)
    expected = posterior(features)
    with torch.autocast("cpu", torch.bfloat16):
        q = posterior(features)
        assert torch.equal(book.numbers(book.choices(z)), z)
    assert torch.equal(q.mean, expected.mean)
    for name in ("penalty", "log_probs"):
        if isinstance(found := getattr(q, name, None), torch.Tensor):
            assert torch.equal(found, getattr(expected, name))


def test_importance_sampling_finds_the_sum_over_all_codes():
    posterior, codes = CASES["categorical"]
    vae = model(posterior())
    x, log_px = exact(vae, codes())
    with torch.no_grad():
        found = vae.log_prob(x, 20_000)
    torch.testing.assert_close(found.log_px.double(), log_px, rtol=0, atol=0.01)
