"""LPIPS against a hand-made network of the same weights, and what its weights' files must hold."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vae.errors import ConfigError
from vae.evaluation.lpips import LINEAR, read_lpips
from vae.metrics.lpips import CHANNELS, MEAN, SCALE, STAGES

# torchvision's configuration D: numbers are channels of a convolution and its ReLU, M halves
D = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]


def vgg16():
    """VGG-16's features, as torchvision makes them."""
    layers, channels = [], 3
    for step in D:
        if step == "M":
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(channels, step, 3, padding=1), nn.ReLU()]
            channels = step
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A network, linear weights, and their files."""
    torch.manual_seed(0)
    network, folder = vgg16(), tmp_path_factory.mktemp("lpips")
    state = {f"features.{k}": v for k, v in network.state_dict().items()}
    classifier = {"classifier.0.weight": torch.zeros(2, 2)}
    torch.save(state | classifier, folder / "vgg.pth")
    save_file(state, folder / "vgg.safetensors")
    linear = {name: torch.rand(1, n, 1, 1) for name, n in zip(LINEAR, CHANNELS, strict=True)}
    torch.save(linear, folder / "lin.pth")
    return network, linear, folder


def by_hand(network, linear, x, y):
    """The authors' formula: LPIPS takes images in [-1, 1], and its own shift and scale."""
    shift = torch.tensor([-0.030, -0.088, -0.188])[:, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[:, None, None]
    one, other = ((2 * image - 1 - shift) / scale for image in (x, y))
    total = torch.zeros(len(x))
    ends = {4: 0, 9: 1, 16: 2, 23: 3, 30: 4}
    for n, layer in enumerate(network):
        if n in ends:
            units = [v / (v.square().sum(1, keepdim=True).sqrt() + 1e-10) for v in (one, other)]
            squares = (units[0] - units[1]).square()
            weight = linear[LINEAR[ends[n]]]
            total += nn.functional.conv2d(squares, weight).mean((1, 2, 3))
        if n == 30:
            # the last halving, which nothing looks at
            break
        one, other = layer(one), layer(other)
    return total


@torch.no_grad()
@pytest.mark.parametrize("file", ["vgg.pth", "vgg.safetensors"])
def test_it_is_the_authors_formula(weights, file):
    network, linear, folder = weights
    lpips = read_lpips(folder / file, folder / "lin.pth", "evaluate")
    x, y = torch.rand(2, 3, 3, 32, 32)
    torch.testing.assert_close(lpips(x, y), by_hand(network, linear, x, y), rtol=1e-4, atol=1e-6)
    assert lpips(x, x).abs().max() < 1e-6
    torch.testing.assert_close(lpips(x, y), lpips(y, x))


@torch.no_grad()
def test_without_linear_weights_they_are_one_and_grey_is_three_times_the_same(weights):
    network, linear, folder = weights
    ones = {name: torch.ones_like(v) for name, v in linear.items()}
    distance = read_lpips(folder / "vgg.pth", None, "objective")
    x, y = torch.rand(2, 2, 1, 28, 28)
    expected = by_hand(network, ones, x.expand(-1, 3, -1, -1), y.expand(-1, 3, -1, -1))
    torch.testing.assert_close(distance(x, y), expected, rtol=1e-4, atol=1e-6)
    # no part of a checkpoint
    assert not distance.state_dict()
    assert not list(distance.parameters())


def test_the_constants_are_those_of_imagenet():
    assert [sum(map(len, STAGES)), *MEAN, *SCALE] == [13, 0.485, 0.456, 0.406, 0.229, 0.224, 0.225]


def test_other_files_are_refused(weights, tmp_path):
    _, linear, folder = weights
    assert read_lpips(None, None, "evaluate") is None
    with pytest.raises(ConfigError, match=r"whose weights are objective.features.vgg, got none"):
        read_lpips(None, folder / "lin.pth", "objective.features")
    with pytest.raises(
        ConfigError, match=r"features.0.weight with shape .64, 3, 3, 3., got nothing"
    ):
        read_lpips(folder / "lin.pth", None, "evaluate")
    with pytest.raises(ConfigError, match=r"lin0.model.1.weight with shape .1, 64, 1, 1."):
        read_lpips(folder / "vgg.pth", folder / "vgg.pth", "evaluate")
    torch.save(linear | {LINEAR[4]: torch.zeros(1, 3, 1, 1)}, tmp_path / "odd.pth")
    with pytest.raises(ConfigError, match=r"got .1, 3, 1, 1."):
        read_lpips(folder / "vgg.pth", tmp_path / "odd.pth", "evaluate")
    (tmp_path / "text.pth").write_text("no weights")
    for name in ("text.pth", "missing.pth", "missing.safetensors"):
        with pytest.raises(ConfigError, match="cannot be read as one"):
            read_lpips(tmp_path / name, None, "evaluate")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_a_run_trains_on_it_and_reports_it(weights, tmp_path, capsys):
    import vae

    folder = weights[2]
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    files = [f"{folder / 'vgg.pth'}", f"{folder / 'lin.pth'}"]
    run = vae.fit(
        "data=arrays",
        f"data.root={tmp_path / 'images.npy'}",
        "data.batch_size=10",
        "model=spatial",
        "model.channels=[8,8]",
        "model/likelihood=laplace",
        "objective=perceptual",
        f"objective.features.vgg={files[0]}",
        "objective.adversary.layers=1",
        "objective.adversary.channels=4",
        "trainer.max_epochs=1",
        "trainer.limit_train_batches=2",
        "evaluate.num_samples=0",
        "evaluate.surgery=0",
        "evaluate.probe=0",
        "evaluate.reconstructions=8",
        f"evaluate.vgg={files[0]}",
        f"evaluate.lpips={files[1]}",
        "callbacks.pictures=null",
        f"run_dir={tmp_path / 'run'}",
    )
    assert 0 < run.results.reconstructions.lpips.value < 10
    assert "LPIPS" in capsys.readouterr().out
    assert max(p.stat().st_size for p in (run.directory / "checkpoints").iterdir()) < 5e6


def test_smaller_images_are_refused(weights):
    from vae.cli.command import compose
    from vae.config.build import build_data
    from vae.training.build import build_module

    words = ["data=digits", "model=spatial", "model.channels=[8,8]", "objective=perceptual"]
    config = compose(
        *words, "model/likelihood=laplace", f"objective.features.vgg={weights[2] / 'vgg.pth'}"
    )
    with pytest.raises(ConfigError, match=r"got 1 x 8 x 8; set objective.features.vgg=null"):
        build_module(config, build_data(config))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evaluate.vgg=here.pth"], "set both, or neither"),
        (["evaluate.vgg=here.pth", "evaluate.lpips=there.pth"], "here.pth does not exist"),
    ],
)
def test_a_file_that_is_not_there_is_told_before_training(words, said):
    from vae.cli.command import compose
    from vae.config.check import check

    with pytest.raises(ConfigError, match=said):
        check(compose("data=digits", *words), "train")
