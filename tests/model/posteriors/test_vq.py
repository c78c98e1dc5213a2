"""Vector quantisation against sums by hand, in float64."""

import multiprocessing

import pytest
import torch
from torch import distributed, nn

from vae.model.families.vae import VAE
from vae.model.likelihoods.bernoulli import Bernoulli
from vae.model.posteriors.vq import VQ, rotated
from vae.model.priors.uniform import Uniform
from vae.objectives.elbo import ELBO
from vae.objectives.reconstruction import Reconstruction


def trained(**settings):
    """A quantiser whose vectors have been assigned something."""
    torch.manual_seed(0)
    posterior = VQ(6, **{"classes": 4, "length": 2} | settings).double()
    posterior.codebook.each[0].weight.fill_(5.0)
    return posterior


def test_each_vector_becomes_the_nearest_of_the_list():
    posterior = trained().eval()
    f = torch.randn(50, 6).double()
    q = posterior(f)
    vectors = posterior.codebook.each[0].vectors
    for n in range(3):
        own = f[:, 2 * n : 2 * n + 2]
        nearest = torch.cdist(own, vectors).argmin(1)
        torch.testing.assert_close(q.mean[:, 2 * n : 2 * n + 2], vectors[nearest])
    expected = 0.25 * (f - q.mean).square().sum(1)
    torch.testing.assert_close(q.penalty, expected)


def test_maps_are_quantised_place_by_place():
    posterior = VQ(4 * 6, classes=8, length=2, places=6).double().eval()
    maps = torch.randn(3, 4, 6).double()
    z = posterior(maps.flatten(1)).mean.unflatten(1, (4, 6))
    vectors = posterior.codebook.each[0].vectors
    for place in range(6):
        for group in range(2):
            own = maps[:, 2 * group : 2 * group + 2, place]
            nearest = torch.cdist(own, vectors).argmin(1)
            torch.testing.assert_close(z[:, 2 * group : 2 * group + 2, place], vectors[nearest])


@pytest.mark.parametrize("places", [1, 3])
def test_choices_and_numbers_undo_each_other(places):
    book = VQ(12, classes=5, length=2, places=places).double().codebook
    z = book.code(torch.rand(40, 6).double())
    choices = book.choices(z)
    assert choices.shape == (40, 30)
    assert (choices.unflatten(1, (6, 5)).sum(-1) == 1).all()
    torch.testing.assert_close(book.numbers(choices), z, rtol=0, atol=0)
    torch.testing.assert_close(book.split(z)[:, :, 0], z[:, book.lead], rtol=0, atol=0)
    torch.testing.assert_close(book.join(book.split(z)), z, rtol=0, atol=0)


def test_the_gradient_passes_straight_through_or_is_turned():
    f = torch.randn(20, 6).double().requires_grad_()
    weights = torch.randn(20, 6).double()
    (gradient,) = torch.autograd.grad((trained().eval()(f).mean * weights).sum(), f)
    torch.testing.assert_close(gradient, weights)
    posterior = trained(gradient="rotation").eval()
    q = posterior(f)
    (gradient,) = torch.autograd.grad((q.mean * weights).sum(), f)
    for row in range(20):
        for n in range(0, 6, 2):
            own, e = f[row, n : n + 2].detach(), q.mean[row, n : n + 2].detach()
            # in the plane, the turn from f to e is by the difference of their angles
            angle = torch.atan2(e[1], e[0]) - torch.atan2(own[1], own[0])
            turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).reshape(2, 2)
            expected = (e.norm() / own.norm()) * turn.T @ weights[row, n : n + 2]
            torch.testing.assert_close(gradient[row, n : n + 2], expected)


def test_a_turned_vector_is_its_code():
    f, e = torch.randn(2, 30, 5).double()
    torch.testing.assert_close(rotated(f, e), e)


def test_the_list_follows_what_is_assigned_to_it():
    posterior = trained(decay=0.9)
    before = posterior.codebook.each[0].vectors.clone()
    f = torch.randn(50, 6).double().requires_grad_()
    posterior(f)
    rows = f.detach().reshape(-1, 2)
    nearest = torch.cdist(rows, before).argmin(1)
    for k in range(4):
        own = rows[nearest == k]
        weight = 0.9 * 5 + 0.1 * len(own)
        total = 0.9 * 5 * before[k] + 0.1 * own.sum(0)
        torch.testing.assert_close(posterior.codebook.each[0].weight[k].item(), weight)
        torch.testing.assert_close(posterior.codebook.each[0].vectors[k], total / weight)


@pytest.mark.parametrize(("decay", "weight"), [(0.0, 5.0), (0.99, 0.0)])
def test_what_is_not_assigned_stays(decay, weight):
    posterior = trained(decay=decay, revive=0.0, classes=200)
    posterior.codebook.each[0].weight.fill_(weight)
    before = posterior.codebook.each[0].vectors.clone()
    f = torch.randn(20, 6).double().requires_grad_()
    posterior(f)
    nearest = torch.cdist(f.detach().reshape(-1, 2), before).argmin(1)
    others = ~torch.isin(torch.arange(200), nearest)
    assert torch.equal(posterior.codebook.each[0].vectors[others], before[others])
    assert not torch.isclose(posterior.codebook.each[0].vectors, before)[~others].all()
    assert posterior.codebook.each[0].vectors.isfinite().all()


def test_it_stays_as_it_is_where_nothing_is_learned():
    posterior = trained()
    before = posterior.codebook.each[0].vectors.clone()
    f = torch.randn(50, 6).double().requires_grad_()
    with torch.no_grad():
        posterior(f)
    posterior.eval()(f)
    assert (posterior.codebook.each[0].vectors == before).all()


def test_what_is_hardly_assigned_starts_anew_as_a_vector_of_the_batch():
    posterior = trained(decay=0.0)
    posterior.codebook.each[0].weight[2] = 0.0
    before = posterior.codebook.each[0].vectors.clone()
    f = torch.randn(50, 6).double()
    posterior.codebook.each[0].restart(f.reshape(-1, 2))
    after = posterior.codebook.each[0].vectors
    assert (after[[0, 1, 3]] == before[[0, 1, 3]]).all()
    assert (f.reshape(-1, 2) == after[2]).all(1).any()
    # an even share of 150 among 4
    assert posterior.codebook.each[0].weight[2] == 37.5


def test_the_bound_is_that_of_one_code_and_the_commitment_no_part_of_it():
    posterior = trained().eval()
    encoder, decoder = nn.Linear(4, 6), nn.Linear(6, 4)
    vae = VAE(encoder, decoder, posterior, Uniform(posterior), Bernoulli((4,))).double().eval()
    record = vae(torch.rand(9, 4).round().double())
    terms = ELBO()(record)
    expected = record.log_px[0] - 3 * torch.tensor(4.0).double().log()
    torch.testing.assert_close(terms.elbo, expected)
    torch.testing.assert_close(terms.objective, expected - record.penalty)
    torch.testing.assert_close(
        Reconstruction()(record).objective, record.log_px[0] - record.penalty
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"classes": 1}, "at least 2 classes"),
        ({"length": 4}, "set model.posterior.length"),
        ({"depth": 4}, "set model.posterior.depth"),
        ({"depth": 0}, "set model.posterior.depth"),
        ({"depth": 3, "length": 4}, "set model.posterior.length"),
        ({"commitment": -1.0}, "commitment is at least 0"),
        ({"decay": 1.0}, "decay and revive"),
        ({"gradient": "none"}, "straight_through or rotation"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        VQ(6, **settings)


def _rank(rank, address, results):
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    torch.set_num_threads(1)
    posterior = trained()
    # one that starts anew: from the same vector on both
    posterior.codebook.each[0].weight[2] = 0.0
    generator = torch.Generator().manual_seed(rank)
    torch.manual_seed(rank)
    f = torch.randn(50, 6, generator=generator).double().requires_grad_()
    posterior(f)
    results.put((rank, f.detach().tolist(), posterior.codebook.each[0].vectors.tolist()))
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_learn_one_list_from_all_they_see(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    address = f"file://{tmp_path / 'meet'}"
    ranks = [context.Process(target=_rank, args=(r, address, results)) for r in range(2)]
    for process in ranks:
        process.start()
    (_, f0, first), (_, f1, second) = sorted(results.get(timeout=120) for _ in ranks)
    for process in ranks:
        process.join(60)
        assert process.exitcode == 0
    assert first == second
    alone = trained()
    torch.manual_seed(0)
    both = torch.tensor(f0 + f1).double()
    alone.codebook.each[0].weight[2] = 0.0
    # rank 0 chooses among its own
    own = both[:50].reshape(-1, 2)
    fresh = own[torch.randint(len(own), (4,))][2]
    alone.codebook.each[0].vectors[2] = fresh
    alone.codebook.each[0].weight[2] = 300 / 4
    alone(both.requires_grad_())
    torch.testing.assert_close(alone.codebook.each[0].vectors, torch.tensor(first).double())
