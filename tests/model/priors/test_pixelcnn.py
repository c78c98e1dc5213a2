"""A PixelCNN over maps of codes against enumeration, in float64."""

import math

import pytest
import torch

from tests.model.distributions.test_codes import assert_draws_from_itself
from vae.cli.command import compose
from vae.config.build import build_model
from vae.model.distributions.autoregressive_codes import AutoregressiveCodes
from vae.model.distributions.codes import on_grid
from vae.model.posteriors.diagonal_normal import DiagonalNormal
from vae.model.posteriors.fsq import FSQ
from vae.model.posteriors.lfq import LFQ
from vae.model.posteriors.vq import VQ
from vae.model.priors.pixelcnn import PixelCNN

# the shape of z, and what its choices are
MAPS = {
    "grid": ((2, 2, 1), lambda: FSQ(4, [2, 3])),
    "vectors": ((4, 1, 2), lambda: VQ(8, classes=3, length=2, places=2)),
    "depth": ((2, 2, 1), lambda: VQ(4, classes=3, depth=2, places=2)),
}


@pytest.mark.parametrize(("shape", "posterior"), MAPS.values(), ids=MAPS)
def test_it_is_a_distribution_and_draws_from_itself(shape, posterior):
    torch.manual_seed(0)
    posterior = posterior()
    prior = PixelCNN(posterior, shape, width=4, layers=2)
    assert_draws_from_itself(prior, posterior, std=0.7)


@pytest.mark.parametrize("kind", ["grid", "vectors"])
def test_a_choice_sees_all_before_it_and_nothing_else(kind):
    """Place after place, row by row, and at a place the choices with a smaller number."""
    torch.manual_seed(0)
    height, width, groups, k = 4, 5, 2, 3
    places = height * width
    if kind == "grid":
        posterior = FSQ(groups * places, [k])
        number = torch.arange(groups)[None] * places + torch.arange(places)[:, None]
    else:
        posterior = VQ(groups * places, classes=k, length=1, places=places)
        number = torch.arange(groups)[None] + groups * torch.arange(places)[:, None]
    prior = PixelCNN(posterior, (groups, height, width), width=4, layers=8).double()
    order = number.flatten().tolist()
    choices = torch.randn(1, groups * places * k).double().requires_grad_()
    logits = prior.logits(choices).unflatten(-1, (-1, k))
    for rank, n in enumerate(order):
        # weights, so that no two ways cancel
        total = (logits[0, n] * torch.tensor([1.0, 2.0, -4.0])).sum()
        (gradient,) = torch.autograd.grad(total, choices, retain_graph=True)
        seen = gradient.unflatten(-1, (-1, k)).abs().sum(-1)[0] > 0
        assert sorted(seen.nonzero().flatten().tolist()) == sorted(order[:rank])


def test_a_draw_that_looks_at_few_rows_is_that_of_the_whole():
    """A layer sees one row above, so that the last rows need no first ones."""
    torch.manual_seed(0)
    prior = PixelCNN(VQ(2 * 18, classes=3, length=1, places=18), (2, 6, 3), width=4, layers=1)
    for parameter in prior.network.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    prior = prior.double()
    assert prior.reach < 5
    fast = prior.codes()
    whole = AutoregressiveCodes(fast.network, fast.codebook, order=fast.order)
    uniform = torch.rand(50, 36).double()
    with torch.no_grad():
        assert torch.equal(fast.inverse(uniform), whole.inverse(uniform))


@pytest.mark.slow
def test_it_is_fitted_to_maps_whose_rows_are_alike():
    """A first row of free choices, and others that repeat it: log 3 nats a column."""
    torch.manual_seed(0)
    prior = PixelCNN(FSQ(12, [3]), (1, 4, 3), width=16, layers=3)
    row = torch.randint(3, (2000, 1, 3)).expand(-1, 4, -1)
    z = on_grid(row.flatten(1).float(), torch.tensor(3.0))
    prior.fit(z, steps=400)
    with torch.no_grad():
        assert -prior().log_prob(z).mean() == pytest.approx(3 * math.log(3), abs=0.1)
        drawn = prior().sample((200,)).unflatten(1, (4, 3))
        assert (drawn == drawn[:, :1]).all(-1).all(-1).float().mean() > 0.95


@pytest.mark.parametrize("posterior", ["fsq", "vq", "vq model.posterior.depth=2", "lfq"])
def test_a_spatial_model_is_given_one(posterior):
    words = ["model=spatial", "model.channels=[8,8]", "model.groups=4", "data=digits"]
    words += f"model/posterior={posterior} model/prior=pixelcnn model.prior.width=4".split()
    model = build_model(compose(*words), (1, 8, 8)).eval()
    z = model.prior().sample((3,))
    assert z.shape == (3, math.prod(model.map_shape))
    assert model.decode(z).mean.shape == (3, 1, 8, 8)
    assert model.prior().log_prob(z).isfinite().all()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: PixelCNN(DiagonalNormal(4), (1, 2, 2)), "over discrete codes"),
        (lambda: PixelCNN(FSQ(4)), "z is a vector"),
        (lambda: PixelCNN(FSQ(4), (1, 2, 2), size=4), "odd number of at least 3"),
        (lambda: PixelCNN(FSQ(4), (1, 2, 2), layers=0), "at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_many_choices_at_a_place_take_no_more_work_than_one():
    def weights(posterior):
        prior = PixelCNN(posterior, (posterior.codebook.size // 49, 7, 7), width=64)
        return sum(int((p != 0).sum()) for p in prior.network.parameters())

    one = weights(VQ(8 * 49, places=49, classes=256, length=8))
    assert weights(LFQ(8 * 49, bits=8, places=49)) < one
