import pytest
import torch

from vae.model.networks.conv import ConvDecoder, ConvEncoder
from vae.model.networks.layers import _ACTIVATIONS
from vae.model.networks.mlp import MLP

SHAPES = [(1, 28, 28), (3, 32, 32), (2, 7, 13), (4, 5, 4)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("kind", [MLP, ConvEncoder])
def test_encoders_take_any_image_shape(kind, shape, normalization):
    network = kind(shape, (6,), normalization=normalization)
    assert network(torch.rand(3, *shape)).shape == (3, 6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("kind", [MLP, ConvDecoder])
def test_decoders_give_any_image_shape(kind, shape, normalization):
    network = kind((4,), shape, normalization=normalization)
    assert network(torch.randn(3, 4)).shape == (3, *shape)


@pytest.mark.parametrize("activation", _ACTIVATIONS)
@pytest.mark.parametrize("kind", [MLP, ConvEncoder])
def test_every_parameter_gets_a_gradient(kind, activation):
    network = kind((1, 8, 8), (4,), activation=activation)
    network(torch.randn(16, 1, 8, 8)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_a_decoder_starts_at_the_output_it_is_given():
    output = torch.rand(2, 6, 6)
    mlp = MLP((4,), (2, 6, 6))
    mlp.last.weight.data.zero_()
    mlp.start_at(output)
    torch.testing.assert_close(mlp(torch.randn(3, 4)), output.expand(3, 2, 6, 6))
    conv = ConvDecoder((4,), (2, 6, 6))
    conv.last.weight.data.zero_()
    conv.start_at(output)
    by_channel = output.mean((1, 2), keepdim=True)
    torch.testing.assert_close(conv(torch.randn(3, 4)), by_channel.expand(3, 2, 6, 6))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ConvEncoder((1, 4, 4), (2,), channels=[8, 8, 8]), "at most 2 entries"),
        (lambda: ConvDecoder((2,), (1, 28, 2), channels=[8, 8]), "at most 1 entries"),
        (lambda: ConvEncoder((10,), (2,)), "model/encoder=mlp"),
        (lambda: ConvDecoder((2,), (1, 4, 4), channels=[]), "at least one entry"),
        (lambda: MLP((4,), (2,), hidden=[0]), "at least 1"),
        (lambda: MLP((4,), (2,), activation="swish"), "must be one of relu"),
        (lambda: MLP((4,), (2,), normalization="group"), "none, batch, layer"),
    ],
)
def test_what_cannot_be_built_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
