"""An adversary of images, which judges patches of them."""

from itertools import pairwise

from torch import Tensor, nn

from vae.objectives.adversary import Judge


class Patches(Judge):
    r"""D(x), a map of how real each patch of an image looks.

    .. math:: \min_D \tfrac{1}{2} E[\max(0, 1 - D(x)) + \max(0, 1 + D(\hat x))]

    Arguments:
        event_shape: The shape (C, H, W) of an image.
        channels: The channels after the first halving; they double with each further one, up to
            eight times as many.
        layers: How often height and width are halved.
        lr: The learning rate, times the schedule's factor.
        betas: The decays of Adam's two averages.
        weight_decay: As the optimiser's.

    Raises:
        ValueError: If a number is not positive, or an image is too small for so many layers.

    References:
        Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017),
        appendix 6.1.2, with instance normalisation, which needs no statistics of batches
        Taming Transformers for High-Resolution Image Synthesis (Esser et al., 2021), released code
    """

    def __init__(
        self,
        event_shape: tuple[int, ...],
        channels: int = 64,
        layers: int = 3,
        lr: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.9),
        weight_decay: float = 0.0,
    ):
        if min(channels, layers) < 1 or min(event_shape[1:]) < 2 ** (layers + 2):
            raise ValueError(
                "channels and layers are positive, and images at least 2^(layers + 2) pixels wide "
                f"and high, got {channels}, {layers} and {event_shape[1]} x {event_shape[2]}; set "
                "objective.adversary.layers=1, or a larger data.size."
            )
        super().__init__(lr=lr, betas=betas, weight_decay=weight_decay)
        widths = [channels * min(2**n, 8) for n in range(layers + 1)]
        parts: list[nn.Module] = [
            nn.Conv2d(event_shape[0], channels, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        ]
        for i, (a, b) in enumerate(pairwise(widths)):
            # the last one looks closer and halves nothing
            stride = 1 if i + 1 == layers else 2
            parts.append(nn.Conv2d(a, b, 4, stride=stride, padding=1))
            parts += [nn.InstanceNorm2d(b, affine=True), nn.LeakyReLU(0.2)]
        self.network = nn.Sequential(*parts, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """The mean over the patches, with shape (N,), for x with shape (N, C, H, W)."""
        return self.of_each(x).mean((1, 2))

    def of_each(self, x: Tensor) -> Tensor:
        """What it says of each patch, with shape (N, h, w)."""
        weights = next(self.parameters()).dtype
        said: Tensor = self.network(x.to(weights)).squeeze(1)
        return said.float()

    def error(self, real: Tensor, made: Tensor) -> Tensor:
        """What D minimises, with shape (N,): 1 for a D that says 0 of everything."""
        one = (1 - self.of_each(real.detach())).relu()
        other = (1 + self.of_each(made.detach())).relu()
        return (one + other).mean((1, 2)) / 2
