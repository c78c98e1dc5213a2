"""Grey levels 0 to 255 to the values a likelihood explains."""

from typing import Literal

import torch
from torch import Tensor
from torch.distributions import constraints

from vae.data.augmentation import Augmentation
from vae.data.noise import uniform
from vae.errors import ConfigError

# the greatest float32 below 1
BELOW_ONE = 1 - 2.0**-24

Binarize = Literal["none", "dynamic", "static", "threshold"]


class Pixels:
    r"""Bytes to floats: grey, binary or dequantised.

    With p the byte and u uniform on [0, 1), a pixel becomes

    .. math:: p / 255 \text{ (none)}, \quad [u < p / 255] \text{ (dynamic, static)}, \quad
        [p \geq 128] \text{ (threshold)}, \quad (p + u) / 256 \text{ (dequantize)}

    Arguments:
        binarize: "none", "dynamic" (a fresh draw every time an example is trained on), "static"
            (one draw of each example for good) or "threshold".
        dequantize: Whether to spread each level uniformly over its width, so that a density over
            pixels is a bound on the probability of the bytes.
        evaluation_seed: The seed of u for examples that are evaluated, and of all of "static".
        augmentation: What is done to examples that are trained on.

    Raises:
        ValueError: If asked to binarise and dequantise at once, or to change what has one draw.

    References:
        The quantitative analysis of deep belief networks (Salakhutdinov & Murray, 2008) (dynamic)
        A note on the evaluation of generative models (Theis et al., 2016), eq. 2 (dequantize)
    """

    def __init__(
        self,
        binarize: Binarize,
        dequantize: bool,
        evaluation_seed: int = 0,
        augmentation: Augmentation | None = None,
    ):
        if binarize == "static" and augmentation:
            raise ValueError(
                "with data.binarize=static an example is the same at every visit, got "
                f"data.flip={str(augmentation.flip).lower()} and data.crop={augmentation.crop}; "
                "set data.binarize=dynamic, or data.flip=false data.crop=0."
            )
        if binarize != "none" and dequantize:
            raise ValueError(
                f"pixels are binarised or dequantised, not both, got data.binarize={binarize} and "
                "data.dequantize=true; set data.binarize=none or data.dequantize=false."
            )
        self.binarize = binarize
        self.dequantize = dequantize
        self.evaluation_seed = evaluation_seed
        self.augmentation = augmentation

    @property
    def support(self) -> constraints.Constraint:
        """What values come out."""
        return constraints.unit_interval if self.binarize == "none" else constraints.boolean

    def expected(self, pixels: Tensor) -> Tensor:
        r"""What a draw is on average: the same for a picture whenever it is looked at.

        Arguments:
            pixels: Bytes, with shape (B, \*event_shape).
        """
        if self.binarize == "threshold":
            return (pixels >= 128).float()
        x = pixels.float()
        return (x + 0.5).div_(256) if self.dequantize else x.div_(255)

    def mean(self, images: Tensor, indices: Tensor) -> Tensor:
        r"""The mean of `expected` over many pictures, with shape event_shape, in exact sums.

        Arguments:
            images: Bytes, with shape (N, \*event_shape).
            indices: Which of them.
        """
        total = torch.zeros(images.shape[1:], dtype=torch.int64)
        for some in indices.split(1000):
            chunk = images.index_select(0, some)
            if self.binarize == "threshold":
                chunk = (chunk >= 128).to(torch.uint8) * 255
            total += chunk.sum(0, dtype=torch.int64)
        grey = total.double() / len(indices)
        return ((grey + 0.5) / 256 if self.dequantize else grey / 255).float()

    def __call__(self, pixels: Tensor, index: Tensor | None = None) -> Tensor:
        r"""The values of a batch, computed where `pixels` is.

        Arguments:
            pixels: Bytes, with shape (B, \*event_shape).
            index: The examples' numbers, with shape (B,), for the fixed draw of an evaluation;
                None for a fresh draw from torch's generator.
        """
        if self.augmentation and index is None:
            pixels = self.augmentation(pixels)
        if self.binarize == "threshold":
            return (pixels >= 128).float()
        if self.binarize == "dynamic" and index is None:
            return draw(pixels).float()
        x = pixels.float()
        if self.binarize == "none" and not self.dequantize:
            return x.div_(255)
        if index is None:
            u = torch.rand_like(x)
        else:
            u = uniform(self.evaluation_seed, index, tuple(pixels.shape[1:]))
        # 255 + u may round to 256
        return (
            (x + u).div_(256).clamp_(max=BELOW_ONE)
            if self.dequantize
            else (u.mul_(255) < x).float()
        )


def pixels_for(
    support: constraints.Constraint,
    binarize: Binarize | Literal["auto"],
    dequantize: bool | Literal["auto"],
    evaluation_seed: int = 0,
    augmentation: Augmentation | None = None,
) -> Pixels:
    """The pixels that a likelihood explains.

    Arguments:
        support: The likelihood's support.
        binarize: "auto" is dynamic for binary pixels, and none for others.
        dequantize: "auto" is true for likelihoods with a density.
        evaluation_seed: The seed of the fixed draw of evaluated examples.
        augmentation: What is done to examples that are trained on.

    Raises:
        ConfigError: If the likelihood does not explain such pixels.
    """
    binary = support is constraints.boolean
    if binarize == "auto":
        binarize = "dynamic" if binary else "none"
    if dequantize == "auto":
        dequantize = binarize == "none" and not support.is_discrete
    pixels = Pixels(binarize, dequantize, evaluation_seed, augmentation)
    if binarize != "none" and not binary:
        raise ConfigError(
            f"binary pixels are for a Bernoulli: a density at them has no upper bound, and the "
            f"other levels ({support}) would never be met, got data.binarize={binarize}; set "
            "data.binarize=auto or choose model/likelihood=bernoulli."
        )
    if dequantize and support.is_discrete:
        raise ConfigError(
            f"a likelihood of discrete pixels ({support}) has no use for values between its "
            "levels, got data.dequantize=true; set data.dequantize=auto or choose another "
            "model/likelihood."
        )
    if binary and pixels.support is not constraints.boolean:
        raise ConfigError(
            "a Bernoulli likelihood explains binary pixels, but data.binarize=none leaves them "
            "grey; set data.binarize=dynamic or threshold, or choose another model/likelihood."
        )
    return pixels


def draw(levels: Tensor) -> Tensor:
    r"""Whether each pixel is white, with probability p / 255 for the level p.

    On the CPU, where a random number costs as much as everything else here, four pixels share the
    64 bits of one: u is uniform on 0, ..., 65534, of which the last is twice as likely as others,
    and a pixel is white if u < 257 p. That is always for 255, never for 0, and else with a
    probability that is right to 2^-16.

    Arguments:
        levels: Bytes, with any shape.

    Returns:
        True or False, with the same shape, from torch's generator.
    """
    if levels.device.type != "cpu":
        return torch.rand(levels.shape, device=levels.device).mul_(255) < levels
    words = torch.empty(-(-levels.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    u = words.view(torch.int16)[: levels.numel()].view(levels.shape).clamp_(max=2**15 - 2)
    # both sides are 2^15 lower than in the formula: 16 bits are signed here
    return u < levels.to(torch.int16) * 257 - 2**15
