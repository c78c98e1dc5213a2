import torch

from vae.cli.command import compose
from vae.config import build as config_build
from vae.reporting import views


def model(*words, shape=(1, 6, 6)):
    torch.manual_seed(0)
    return config_build.build_model(compose(*words), shape).eval()


@torch.no_grad()
def test_reconstructions_stand_below_their_originals():
    vae = model("model.latent_dim=3")
    x = torch.rand(6, 1, 6, 6).round()
    rows = views.reconstructions(vae, x, columns=3).unflatten(0, (4, 3))
    assert torch.equal(rows[0], x[:3])
    assert torch.equal(rows[2], x[3:])
    torch.testing.assert_close(rows[3], vae.decode(vae.encode(x[3:]).mean).mean)


@torch.no_grad()
def test_the_manifold_runs_over_the_quantiles_of_the_prior():
    vae = model("model.latent_dim=2")
    images = views.manifold(vae, 3).unflatten(0, (3, 3))
    centre = vae.decode(torch.zeros(1, 2)).mean[0]
    torch.testing.assert_close(images[1, 1], centre)
    # the quartile of a standard normal to the right, and at the top
    right = vae.decode(torch.tensor([[0.6744898, 0.0]])).mean[0]
    torch.testing.assert_close(images[1, 2], right)
    top = vae.decode(torch.tensor([[0.0, 0.6744898]])).mean[0]
    torch.testing.assert_close(images[0, 1], top)


@torch.no_grad()
def test_an_interpolation_leads_from_one_image_to_the_other():
    vae = model("model.latent_dim=3")
    x, y = torch.rand(2, 4, 1, 6, 6)
    rows = views.interpolation(vae, x, y, 5).unflatten(0, (4, 5))
    torch.testing.assert_close(rows[:, 0], vae.decode(vae.embed(x)).mean)
    torch.testing.assert_close(rows[:, -1], vae.decode(vae.embed(y)).mean)
    middle = (vae.embed(x) + vae.embed(y)) / 2
    torch.testing.assert_close(rows[:, 2], vae.decode(middle).mean)


@torch.no_grad()
def test_a_traversal_moves_the_most_used_dimension_first():
    vae = model("model.latent_dim=3")
    x = torch.rand(50, 1, 6, 6)
    codes = vae.embed(x)
    first = codes.std(0).argmax()
    rows = views.traversal(vae, x, rows=2, columns=7).unflatten(0, (2, 7))
    z = codes[:1].clone()
    z[0, first] = codes[:, first].mean() - 3 * codes[:, first].std()
    torch.testing.assert_close(rows[0, :1], vae.decode(z).mean)


@torch.no_grad()
def test_a_flow_is_embedded_at_its_mean():
    vae = model("model/posterior=iaf", "model.latent_dim=3")
    x = torch.rand(2, 1, 6, 6)
    many = vae.encode(x).sample((20_000,)).mean(0)
    spread = vae.encode(x).sample((20_000,)).std(0)
    assert ((vae.embed(x) - many).abs() < 5 * spread / 8).all()
