import pytest
import torch

from vae.model.networks.conv import ConvDecoder, ConvEncoder
from vae.model.networks.gated_mlp import GatedLinear, GatedMLP
from vae.model.networks.layers import _ACTIVATIONS
from vae.model.networks.mlp import MLP
from vae.model.networks.resnet import ResNetDecoder, ResNetEncoder

SHAPES = [(1, 28, 28), (3, 32, 32), (2, 7, 13), (4, 5, 4)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("kind", [MLP, ConvEncoder, ResNetEncoder])
def test_encoders_take_any_image_shape(kind, shape, normalization):
    network = kind(shape, (6,), normalization=normalization)
    assert network(torch.rand(3, *shape)).shape == (3, 6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("kind", [MLP, ConvDecoder, ResNetDecoder])
def test_decoders_give_any_image_shape(kind, shape, normalization):
    network = kind((4,), shape, normalization=normalization)
    assert network(torch.randn(3, 4)).shape == (3, *shape)


@pytest.mark.parametrize("activation", _ACTIVATIONS)
@pytest.mark.parametrize("kind", [MLP, ConvEncoder, ResNetEncoder])
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
    gated = GatedMLP((4,), (2, 6, 6))
    gated.last.weight.data.zero_()
    gated.start_at(output)
    torch.testing.assert_close(gated(torch.randn(3, 4)), output.expand(3, 2, 6, 6))
    by_channel = output.mean((1, 2), keepdim=True)
    for kind in (ConvDecoder, ResNetDecoder):
        conv = kind((4,), (2, 6, 6))
        conv.last.weight.data.zero_()
        conv.start_at(output)
        torch.testing.assert_close(conv(torch.randn(3, 4)), by_channel.expand(3, 2, 6, 6))


def test_a_gate_is_a_sigmoid_beside_the_value():
    layer = GatedLinear(3, 2)
    x = torch.randn(5, 3)
    value = x @ layer.both.weight[:2].T + layer.both.bias[:2]
    gate = torch.sigmoid(x @ layer.both.weight[2:].T + layer.both.bias[2:])
    torch.testing.assert_close(layer(x), value * gate)


@pytest.mark.parametrize("kind", [GatedMLP])
def test_a_gated_network_maps_any_shape_to_any_shape(kind):
    network = kind((2, 3, 4), (6, 5), hidden=(7,))
    assert network(torch.randn(3, 2, 3, 4)).shape == (3, 6, 5)


def test_a_residual_block_without_its_convolutions_is_the_identity():
    encoder = ResNetEncoder((1, 8, 8), (4,), channels=[3], blocks=2)
    x = torch.randn(2, 1, 8, 8)
    for module in (encoder[1], encoder[2]):
        module.f[-1].weight.data.zero_()
        module.f[-1].bias.data.zero_()
    down = encoder[0](x)
    torch.testing.assert_close(encoder[2](encoder[1](down)), down)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ConvEncoder((1, 4, 4), (2,), channels=[8, 8, 8]), "at most 2 entries"),
        (lambda: ConvDecoder((2,), (1, 28, 2), channels=[8, 8]), "at most 1 entries"),
        (lambda: ConvEncoder((10,), (2,)), "model/encoder=mlp"),
        (lambda: ConvDecoder((2,), (1, 4, 4), channels=[]), "at least one entry"),
        (lambda: MLP((4,), (2,), hidden=[0]), "at least 1"),
        (lambda: GatedMLP((4,), (2,), hidden=[0]), "at least 1"),
        (lambda: ResNetDecoder((2,), (1, 4, 4), channels=[]), "at least one entry"),
        (lambda: ResNetEncoder((1, 4, 4), (2,), channels=[8, 8, 8]), "at most 2 entries"),
        (lambda: MLP((4,), (2,), activation="swish"), "must be one of relu"),
        (lambda: MLP((4,), (2,), normalization="group"), "none, batch, layer"),
    ],
)
def test_what_cannot_be_built_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
