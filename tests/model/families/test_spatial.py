"""z as maps: the networks, the choices it is swapped with, and what it refuses."""

import math

import pytest
import torch

from vae.cli.command import compose
from vae.config.build import build_model
from vae.errors import ConfigError
from vae.model.spatial.networks import SpatialDecoder, SpatialEncoder, checkpoint_blocks
from vae.training.loop import train

SMALL = ["model=spatial", "model.channels=[8,8]", "model.groups=4", "data=digits"]
QUICK = [
    *SMALL,
    "trainer.limit_train_batches=4",
    "evaluate.num_samples=3",
    "evaluate.surgery=30",
    "evaluate.probe=0",
    "callbacks.pictures=null",
]


def build(*words, shape=(1, 8, 8)):
    return build_model(compose(*SMALL, *words), shape)


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize(("channels", "factor"), [([8], 1), ([8, 12], 2), ([8, 8, 16], 4)])
def test_maps_are_a_fraction_of_the_image(channels, factor, attention):
    words = [f"model.channels={channels}", f"model.attention={attention}"]
    model = build(*words, "model.latent_channels=3", shape=(3, 24, 16))
    assert model.map_shape == (3, 24 // factor, 16 // factor)
    x = torch.rand(2, 3, 24, 16)
    q = model.encode(x)
    assert q.mean.shape == (2, math.prod(model.map_shape))
    assert model.decode(q.mean).mean.shape == x.shape


def test_a_place_sees_its_neighbourhood_and_with_attention_all():
    """The gradient of one place of z reaches pixels near it alone, unless there is attention."""
    for attention in (False, True):
        encoder = SpatialEncoder(1, 2, [4, 4], 1, 1, attention).eval()
        for module in encoder.modules():
            if isinstance(module, torch.nn.GroupNorm):
                # a mean over the maps would reach everywhere
                module.forward = lambda x: x
        x = torch.rand(1, 1, 64, 64, requires_grad=True)
        encoder(x).reshape(2, 32, 32)[0, 0, 0].backward()
        assert (x.grad[0, 0, 40:, 40:].abs().max() > 0) == attention
        assert x.grad[0, 0, :4, :4].abs().max() > 0


def test_blocks_that_are_computed_again_have_the_same_gradient():
    torch.manual_seed(0)
    network = SpatialDecoder((2, 4, 4), 1, [8, 8], 1, 4, True)
    z = torch.randn(3, 32)
    gradients = []
    for again in (False, True):
        if again:
            checkpoint_blocks(network)
        network.zero_grad()
        network(z).square().sum().backward()
        gradients.append([p.grad.clone() for p in network.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    "words",
    [
        ["model/likelihood=laplace"],
        ["model/posterior=delta", "objective=reconstruction"],
        ["model/posterior=fsq", "model/prior=uniform"],
        ["model/prior=mixture_of_gaussians", "objective=iwae", "objective.num_samples=2"],
    ],
)
def test_its_parts_swap_as_those_of_a_flat_model(words, tmp_path):
    run = train(compose(*QUICK, *words, "trainer.max_epochs=1", f"run_dir={tmp_path / 'run'}"))
    assert run.results.complete
    again = train(compose(f"resume={tmp_path / 'run'}", "trainer.max_epochs=2"))
    assert again.results.test["distortion"].value != run.results.test["distortion"].value


def test_codes_of_a_place_have_a_level_for_each_channel():
    model = build("model/posterior=fsq", "model/prior=uniform", "model.latent_channels=4")
    counts = model.posterior.codebook.counts.reshape(model.map_shape)
    assert counts[:, 0, 0].tolist() == [8, 5, 5, 5]
    assert (counts == counts[:, :1, :1]).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.channels=[8,8,8,8,8]"], r"divide height and width by 16.* set data.size"),
        (["model.channels=[]"], "at least one"),
        (["model.groups=3"], r"groups divide every entry .* model.groups=8"),
        (["model/posterior=full_covariance_normal"], "diagonal_normal, delta, fsq, lfq or vq"),
        (["model.condition=label", "model.context_size=3"], "set it to null"),
    ],
)
def test_what_does_not_fit_is_refused(words, message):
    with pytest.raises(ConfigError, match=message):
        build(*words)
