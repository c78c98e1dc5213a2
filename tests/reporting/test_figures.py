import numpy as np
import torch

from vae.reporting.figures import bars, curves, grid, scatter


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


def test_curves_draw_only_what_was_logged(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,train/distortion,val/distortion\n9,100,\n19,,90\n")
    assert [axes.get_title() for axes in curves(path).axes] == ["distortion"]


def test_bars_show_every_dimension_the_fullest_first():
    figure = bars([0.5, 0.001, 2.0], [1.0, 0.0, 3.0], threshold=0.01)
    rate, variance = figure.axes
    assert [bar.get_height() for bar in rate.patches] == [3, 1, 0]
    assert [bar.get_height() for bar in variance.patches] == [2, 0.5, 0.001]
    assert [t.get_text() for t in rate.get_xticklabels()] == ["2", "0", "1"]
    assert "2 of 3 dimensions active" in figure.get_suptitle()
    assert len(bars([0.5, 0.001, 2.0], None, threshold=0.01).axes) == 1


def test_a_scatter_shows_the_first_two_components():
    z = torch.randn(200, 5) * torch.tensor([0.1, 5.0, 0.1, 2.0, 0.1])
    axes = scatter(z, torch.arange(200) % 3).axes[0]
    drawn = torch.from_numpy(axes.collections[0].get_offsets().data)
    centred = z.double() - z.double().mean(0)
    for column, d in ((0, 1), (1, 3)):
        assert torch.corrcoef(torch.stack([drawn[:, column], centred[:, d]]))[0, 1].abs() > 0.99
    assert len(axes.get_legend().get_texts()) == 3
    plain = scatter(z[:, :2], torch.arange(200) % 3).axes[0]
    assert plain.get_xlabel() == "z[0]"
