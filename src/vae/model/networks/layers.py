"""Activations and normalisations, by the word used on the command line."""

from collections.abc import Callable
from typing import Literal

from torch import nn

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
