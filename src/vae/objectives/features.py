"""The distance of features, by a network that stays as it is."""

from torch import Tensor, nn


class FeatureDistance(nn.Module):
    r"""How far images are from each other in the features of a network.

    .. math:: d(x, y) = \sum_l \frac{1}{H_l W_l} \sum_{hw}
        w_l^T \left( \hat f_l(x)_{hw} - \hat f_l(y)_{hw} \right)^2

    where the features' vector at each place has length 1, and w_l is 1 here.

    References:
        The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (Zhang et al., 2018),
        eq. 1
    """

    def maps(self, x: Tensor) -> list[Tensor]:
        """Features with shapes (B, C_l, H_l, W_l), for images in [0, 1] with shape (B, C, H, W)."""
        raise NotImplementedError

    def weigh(self, number: int, squares: Tensor) -> Tensor:
        """The squared differences of layer `number`, weighed, with their shape."""
        return squares

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The distance of each pair, with shape (B,)."""
        total = x.new_zeros(len(x))
        for number, (one, other) in enumerate(zip(self.maps(x), self.maps(y), strict=True)):
            squares = (unit(one) - unit(other)).square()
            total = total + self.weigh(number, squares).sum(1).mean((1, 2))
        return total


def unit(maps: Tensor) -> Tensor:
    """Maps whose vector at each place has length 1, for maps with shape (N, C, H, W)."""
    length = (maps.square().sum(1, keepdim=True) + 1e-10).sqrt()
    found: Tensor = maps / length
    return found
