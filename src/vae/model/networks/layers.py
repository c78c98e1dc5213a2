"""What networks are made of: activations and normalisations by their options, and a last layer."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from vae.model.networks.context import Layers, modulation

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "softplus"]
Normalization = Literal["none", "batch", "layer"]

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
}


def activation(word: Activation) -> nn.Module:
    """The activation named by `word`; "leaky_relu" has slope 0.2.

    Raises:
        ValueError: If there is none of that name.
    """
    if word not in _ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(_ACTIVATIONS)}, got {word}.")
    return _ACTIVATIONS[word]()


def normalization(word: Normalization, channels: int, spatial: bool) -> list[nn.Module]:
    """The normalisation named by `word` as a list of zero or one layers.

    Arguments:
        word: "none", "batch", or "layer" (over channels and, if spatial, pixels).
        channels: The number of channels (or features) normalised.
        spatial: Whether the input is (N, channels, H, W) rather than (N, channels).

    Raises:
        ValueError: If there is none of that name.
    """
    if word == "none":
        return []
    if word == "batch":
        return [nn.BatchNorm2d(channels) if spatial else nn.BatchNorm1d(channels)]
    if word == "layer":
        return [nn.GroupNorm(1, channels) if spatial else nn.LayerNorm(channels)]
    raise ValueError(f"normalization must be one of none, batch, layer, got {word}.")


def normalized(
    channels: int, act: Activation, norm: Normalization, context_dim: int = 0
) -> list[nn.Module]:
    """A normalisation of images with some channels, if there is one, and an activation.

    A context modulates what is between them.
    """
    before = [*normalization(norm, channels, spatial=True), *modulation(channels, context_dim)]
    return [*before, activation(act)]


def doubling(inputs: int, outputs: int, size: tuple[int, int]) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles height and width.

    Arguments:
        inputs: The number of channels before it.
        outputs: The number of channels after it.
        size: The height and the width after it: 2 n or 2 n - 1, for n before it.
    """
    # 2 n - 1 pixels from n without output padding, 2 n with it
    padding = (1 - size[0] % 2, 1 - size[1] % 2)
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=padding)


class Network(Layers):
    """Layers of which the last has a bias for each number, or for each channel, of the output."""

    last: nn.Linear | nn.Conv2d | nn.ConvTranspose2d

    @torch.no_grad()
    def start_at(self, output: Tensor) -> None:
        """Set the last layer's bias so that outputs start around `output`.

        Arguments:
            output: The wanted output, with shape out_shape; of a bias for each channel, the mean
                over the pixels counts.
        """
        assert self.last.bias is not None
        each = len(self.last.bias) == output.numel()
        self.last.bias.copy_(output.flatten() if each else output.flatten(1).mean(1))
