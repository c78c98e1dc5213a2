"""The convolutional networks: strided convolutions down, transposed convolutions up."""

import math
from collections.abc import Sequence

from torch import nn

from vae.model.networks.context import Layers
from vae.model.networks.layers import Activation, Network, Normalization, doubling, normalized
from vae.model.networks.mlp import dense


def halvings(shape: tuple[int, ...], stages: int, part: str) -> list[tuple[int, int]]:
    """The heights and widths after 0, 1, ..., `stages` halvings, each rounded up.

    Arguments:
        shape: The shape (C, H, W) of an image.
        stages: The number of halvings.
        part: "encoder" or "decoder", for the error.

    Raises:
        ValueError: If `shape` is not an image's, or too small to be halved so often.
    """
    if len(shape) != 3:
        raise ValueError(
            f"the conv {part} needs images of shape (C, H, W), got shape {shape}; "
            f"use model/{part}=mlp."
        )
    sizes = [(shape[1], shape[2])]
    for _ in range(stages):
        if min(sizes[-1]) < 2:
            raise ValueError(
                f"the conv {part} halves an image once per entry of channels, which {stages} "
                f"entries cannot do to {shape[1]}x{shape[2]} pixels; give "
                f"model.{part}.channels at most {len(sizes) - 1} entries or use model/{part}=mlp."
            )
        sizes.append((math.ceil(sizes[-1][0] / 2), math.ceil(sizes[-1][1] / 2)))
    return sizes


class ConvEncoder(Layers):
    r"""Convolutions of stride 2, then linear layers.

    Arguments:
        in_shape: The shape (C, H, W) of an input; any height, width and number of channels.
        out_shape: The shape of an output.
        channels: The number of channels after each halving.
        hidden: The width of each linear layer between the convolutions and the output.
        activation: The activation's name.
        normalization: The normalisation's name, applied before each activation.
        context_dim: The length of the context c that it sees beside its input; 0 for none.

    Raises:
        ValueError: If the images cannot be halved so often.
    """

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        channels: Sequence[int] = (32, 64),
        hidden: Sequence[int] = (256,),
        activation: Activation = "silu",
        normalization: Normalization = "none",
        context_dim: int = 0,
    ):
        height, width = halvings(in_shape, len(channels), "encoder")[-1]
        super().__init__()
        for a, b in zip([in_shape[0], *channels], channels, strict=False):
            self.append(nn.Conv2d(a, b, kernel_size=3, stride=2, padding=1))
            self.extend(normalized(b, activation, normalization, context_dim))
        self.append(nn.Flatten())
        self.concatenate(context_dim)
        widths = [[in_shape[0], *channels][-1] * height * width + context_dim, *hidden]
        dense(self, widths, activation, normalization)
        self.append(nn.Linear(widths[-1], math.prod(out_shape)))
        self.append(nn.Unflatten(1, out_shape))


class ConvDecoder(Network):
    r"""Linear layers, then transposed convolutions of stride 2: a ConvEncoder upside down.

    Arguments:
        in_shape: The shape of an input.
        out_shape: The shape (C, H, W) of an output; any height, width and number of channels.
        channels: The number of channels before each doubling.
        hidden: The width of each linear layer between the input and the convolutions.
        activation: The activation's name.
        normalization: The normalisation's name, applied before each activation.
        context_dim: The length of the context c that it sees beside its input; 0 for none.

    Raises:
        ValueError: If the images cannot be halved so often.
    """

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        channels: Sequence[int] = (64, 32),
        hidden: Sequence[int] = (256,),
        activation: Activation = "silu",
        normalization: Normalization = "none",
        context_dim: int = 0,
    ):
        if not channels:
            raise ValueError("the conv decoder needs at least one entry in channels, got none.")
        sizes = halvings(out_shape, len(channels), "decoder")[::-1]
        super().__init__()
        smallest = (channels[0], *sizes[0])
        self.concatenate(context_dim)
        widths = [math.prod(in_shape) + context_dim, *hidden, math.prod(smallest)]
        dense(self, widths, activation, normalization)
        self.append(nn.Unflatten(1, smallest))
        outputs = [*channels[1:], out_shape[0]]
        for i, (a, b) in enumerate(zip(channels, outputs, strict=True)):
            up = doubling(a, b, sizes[i + 1])
            if i + 1 < len(outputs):
                self.append(up)
                self.extend(normalized(b, activation, normalization, context_dim))
            else:
                self.last = up
