"""What is done to images whenever they are trained on, and never in evaluation."""

import torch
from torch import Tensor


class Augmentation:
    r"""Images mirrored and moved at random.

    A moved image is a window of its own size, at a random place of the image that is continued on
    all sides by its mirror image.

    Arguments:
        flip: Whether an image is mirrored, left to right, half the times.
        crop: By how many pixels a window is moved at most, in both directions.

    Raises:
        ValueError: If `crop` is negative.

    References:
        Deep Residual Learning (He et al., 2016), section 4.2 (with zeros instead of mirror images)
    """

    def __init__(self, flip: bool = False, crop: int = 0):
        if crop < 0:
            raise ValueError(f"data.crop is a number of pixels, at least 0, got {crop}.")
        self.flip, self.crop = flip, crop

    def __bool__(self) -> bool:
        return self.flip or self.crop > 0

    def check(self, height: int, width: int) -> None:
        """Refuse images that are too small to be moved so far.

        Raises:
            ValueError: If they are.
        """
        if self.crop >= min(height, width):
            raise ValueError(
                "data.crop moves an image by fewer pixels than its height and width, got "
                f"{self.crop} and {height} x {width}; set data.crop={min(height, width) // 8}."
            )

    def __call__(self, pixels: Tensor) -> Tensor:
        """Other images, for bytes with shape (B, C, H, W)."""
        if self.flip:
            mirrored = torch.rand(len(pixels), 1, 1, 1, device=pixels.device) < 0.5
            pixels = torch.where(mirrored, pixels.flip(-1), pixels)
        if self.crop:
            pixels = self.moved(pixels)
        return pixels

    def moved(self, pixels: Tensor) -> Tensor:
        """Every image's window at a random place."""
        b, c, *size = pixels.shape
        span = 2 * self.crop + 1
        rows, columns = (
            _mirrored(torch.arange(n, device=pixels.device) + by - self.crop, n)
            for n, by in zip(
                size, torch.randint(span, (2, b, 1), device=pixels.device), strict=True
            )
        )
        every = torch.arange(b, device=pixels.device)[:, None, None, None]
        channel = torch.arange(c, device=pixels.device)[None, :, None, None]
        return pixels[every, channel, rows[:, None, :, None], columns[:, None, None, :]]


def _mirrored(place: Tensor, size: int) -> Tensor:
    inside = place.abs()
    return torch.minimum(inside, 2 * (size - 1) - inside)
