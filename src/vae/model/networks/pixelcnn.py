"""A gated PixelCNN over maps of choices."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class PixelCNN(nn.Module):
    """One-hot choices to logits, each of which sees the places before it, row by row.

    At its own place a choice sees those with a smaller number. All of the features above a place
    are seen through one stack of layers, and those left of it through another.

    Arguments:
        groups: The number G of choices at a place.
        classes: The number K of classes of a choice.
        width: The features of a choice.
        layers: The number of layers.
        size: The height and width of a layer's view, an odd number.

    References:
        Conditional Image Generation with PixelCNN Decoders (van den Oord et al., 2016), figure 2;
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 3.4 (masks)
    """

    def __init__(self, groups: int, classes: int, width: int, layers: int, size: int):
        super().__init__()
        inner = groups * width
        self.above = Masked(groups, classes, width, (size, size), "above")
        self.left = Masked(groups, classes, width, (1, size), "before")
        self.layers = nn.ModuleList(GatedLayer(groups, width, size) for _ in range(layers))
        self.out = nn.Sequential(
            nn.SiLU(),
            Masked(groups, width, width, (1, 1), "left"),
            nn.SiLU(),
            Masked(groups, width, classes, (1, 1), "left"),
        )
        self.join = nn.Conv2d(inner, inner, 1)

    def forward(self, choices: Tensor) -> Tensor:
        """Logits with shape (B, G K, H, W), for one-hot choices of that shape."""
        v = self.above(choices)
        h = self.left(choices) + self.join(v)
        for layer in self.layers:
            v, h = layer(v, h)
        logits: Tensor = self.out(h)
        return logits


class GatedLayer(nn.Module):
    """Both stacks a layer further: tanh(a) sigmoid(b), and h keeps what it was.

    Arguments:
        groups: The number of choices at a place.
        width: The features of a choice.
        size: The height and width of its view.
    """

    def __init__(self, groups: int, width: int, size: int):
        super().__init__()
        inner = groups * width
        self.groups = groups
        self.above = Masked(groups, width, 2 * width, (size, size), "rows")
        self.left = Masked(groups, width, 2 * width, (1, size), "left")
        self.join = nn.Conv2d(2 * inner, 2 * inner, 1)
        self.mixed = Masked(groups, width, width, (1, 1), "left")

    def forward(self, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Features with the shapes of v and h, (B, G width, H, W)."""
        v = self.above(v)
        y = self.left(h) + self.join(v)
        return self.gated(v), h + self.mixed(self.gated(y))

    def gated(self, y: Tensor) -> Tensor:
        """With half the channels of each choice."""
        a, b = y.unflatten(1, (self.groups, 2, -1)).unbind(2)
        gated: Tensor = a.tanh() * b.sigmoid()
        return gated.flatten(1, 2)


class Masked(nn.Conv2d):
    """A convolution that sees a part of its window.

    Arguments:
        groups: The number of choices at a place.
        inputs: The channels of each that come in.
        outputs: The channels of each that go out.
        size: The height and width of the window, odd numbers.
        sees: "above" for the rows above its middle; "rows" for the middle's too; "before" for what
            is left of its middle, and the choices before at it; "left" for its own too.
    """

    keep: Tensor

    def __init__(self, groups: int, inputs: int, outputs: int, size: tuple[int, int], sees: str):
        middle = (size[0] // 2, size[1] // 2)
        super().__init__(groups * inputs, groups * outputs, size, padding=middle)
        keep = torch.ones(groups, outputs, groups, inputs, *size)
        if sees in ("above", "rows"):
            keep[..., middle[0] + (sees == "rows") :, :] = 0
        else:
            keep[..., middle[1] + 1 :] = 0
            own = torch.ones(groups, groups).tril(0 if sees == "left" else -1)
            keep[..., middle[1]] *= own[:, None, :, None, None]
        self.register_buffer("keep", keep.flatten(2, 3).flatten(0, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """With shape (B, G outputs, H, W), for x with shape (B, G inputs, H, W)."""
        return functional.conv2d(x, self.weight * self.keep, self.bias, padding=self.padding)
