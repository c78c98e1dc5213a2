"""LPIPS: the distance of images in the features of VGG-16."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d

from vae.objectives.features import FeatureDistance

# the convolutions of VGG-16's stages, by their numbers in torchvision's `features`
STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
CHANNELS = (64, 128, 256, 512, 512)
# of ImageNet's images in [0, 1]
MEAN, SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# each stage but the first halves the image
SMALLEST = 2 ** (len(STAGES) - 1)


def fits(shape: Sequence[int]) -> bool:
    """Whether VGG-16 takes images of a shape (C, H, W)."""
    return shape[0] in (1, 3) and min(shape[1:]) >= SMALLEST


class LPIPS(FeatureDistance):
    """The distance of features of VGG-16's five stages, each before it is halved.

    Arguments:
        convolutions: The weight and bias of each of its 13 convolutions.
        linear: w_l of each stage, with shape (C_l,); None for 1.

    References:
        The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (Zhang et al., 2018),
        eq. 1, version 0.1 of its code, with VGG-16
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        convolutions: Sequence[tuple[Tensor, Tensor]],
        linear: Sequence[Tensor] | None = None,
    ):
        super().__init__()
        # no part of a run's checkpoints, which would grow by 59 MB
        for n, (weight, bias) in enumerate(convolutions):
            self.register_buffer(f"weight{n}", weight, persistent=False)
            self.register_buffer(f"bias{n}", bias, persistent=False)
        self.weighs = linear is not None
        for n, weight in enumerate(linear or ()):
            self.register_buffer(f"linear{n}", weight[:, None, None], persistent=False)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE)[:, None, None], persistent=False)

    def maps(self, x: Tensor) -> list[Tensor]:
        """The features of each stage, for images in [0, 1], grey or of three colours."""
        y = (x - self.mean) / self.scale
        found: list[Tensor] = []
        n = 0
        for stage in STAGES:
            y = max_pool2d(y, 2) if found else y
            for _ in stage:
                weight, bias = self.get_buffer(f"weight{n}"), self.get_buffer(f"bias{n}")
                y, n = conv2d(y, weight, bias, padding=1).relu(), n + 1
            found.append(y)
        return found

    def weigh(self, number: int, squares: Tensor) -> Tensor:
        """The squared differences of a stage times its weights."""
        return squares * self.get_buffer(f"linear{number}") if self.weighs else squares
