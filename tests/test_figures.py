import numpy as np
import torch

from vae import build
from vae.callbacks.pictures import manifold, reconstructions
from vae.figures import curves, grid
from vae.train import compose


def test_a_grid_shows_each_image_in_its_place():
    images = torch.linspace(0, 1, 6).view(6, 1, 1, 1).expand(6, 1, 2, 3)
    sheet = np.asarray(grid(images, columns=3, scale=1, gap=1))
    assert sheet.shape == (2 * 3 + 1, 3 * 4 + 1)
    assert [sheet[1, 1 + 4 * i] for i in range(3)] == [0, 51, 102]
    assert [sheet[4, 1 + 4 * i] for i in range(3)] == [153, 204, 255]
    assert (sheet[0] == 255).all()


def test_a_grid_draws_colour_clips_and_takes_any_number_of_channels():
    red = torch.tensor([2.0, -1.0, 0.0]).view(1, 3, 1, 1)
    assert np.asarray(grid(red, 1, scale=1, gap=0))[0, 0].tolist() == [255, 0, 0]
    two = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    assert np.asarray(grid(two, 1, scale=1, gap=0))[0, 0] == 128


def test_curves_draw_every_logged_point(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(
        "step,train/elbo,train/rate,train/distortion,val/elbo,val/rate,val/distortion\n"
        "9,-200,1,199,,,\n19,-150,5,145,,,\n19,,,,-140,6,134\n"
    )
    figure = curves(path)
    assert [axes.get_title() for axes in figure.axes] == ["elbo", "rate", "distortion"]
    train, val = figure.axes[0].lines
    assert train.get_ydata().tolist() == [-200, -150]
    assert val.get_xdata().tolist() == [19]


def model(latent_dim):
    torch.manual_seed(0)
    return build.build_model(compose(f"model.latent_dim={latent_dim}"), (1, 6, 6)).eval()


@torch.no_grad()
def test_reconstructions_stand_below_their_originals():
    vae = model(3)
    x = torch.rand(6, 1, 6, 6).round()
    rows = reconstructions(vae, x, columns=3).unflatten(0, (4, 3))
    assert torch.equal(rows[0], x[:3])
    assert torch.equal(rows[2], x[3:])
    torch.testing.assert_close(rows[3], vae.decode(vae.encode(x[3:]).mean).mean)


@torch.no_grad()
def test_the_manifold_runs_over_the_quantiles_of_the_prior():
    vae = model(2)
    images = manifold(vae, 3).unflatten(0, (3, 3))
    centre = vae.decode(torch.zeros(1, 2)).mean[0]
    torch.testing.assert_close(images[1, 1], centre)
    # the quartile of a standard normal to the right, and at the top
    right = vae.decode(torch.tensor([[0.6744898, 0.0]])).mean[0]
    torch.testing.assert_close(images[1, 2], right)
    top = vae.decode(torch.tensor([[0.0, 0.6744898]])).mean[0]
    torch.testing.assert_close(images[0, 1], top)
