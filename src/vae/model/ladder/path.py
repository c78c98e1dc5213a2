"""The generative path from the top: p(z) of many spatial layers, and h(z), of which p(x|z) is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal, kl_divergence

from vae.model.capabilities import Capability
from vae.model.ladder.distributions import GivenPath
from vae.model.networks.layers import Activation, activation, doubling
from vae.model.networks.resnet import Residual
from vae.model.precision import at_least_float32

# logarithms of variances stay within these, so that no layer's can run away
LOWEST, HIGHEST = -6.0, 2.0


class Shape(Protocol):
    """The shape of a layer's latents, (C, H, W), and of its features."""

    channels: int
    size: tuple[int, int]


def diagonal(features: Tensor) -> "Independent[Normal]":
    r"""A normal distribution over maps, with batch shape (N,), for features with (N, 2 C, H, W).

    References:
        VAE with a VampPrior (Tomczak & Welling, 2018), released code (log-variances in [-6, 2])
    """
    loc, log_variance = at_least_float32(features).chunk(2, dim=1)
    scale = (0.5 * log_variance.clamp(LOWEST, HIGHEST)).exp()
    return Independent(Normal(loc, scale, validate_args=False), 3)


def zero(conv: nn.Conv2d) -> nn.Conv2d:
    """A convolution that starts at zero, so that a deep stack starts as nearly the identity.

    References:
        Very Deep VAEs Generalize Autoregressive Models (Child, 2021), section 3.2 and released code
    """
    nn.init.zeros_(conv.weight)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


class Layer(nn.Module):
    r"""One layer of the path: h to p(z_l|h), and h with z_l to the next h.

    Arguments:
        channels: The number of channels of h.
        latent_channels: The number C of channels of z_l.
        depth: The number L of layers, by whose root additions to h are scaled.
        act: The activation's name.

    References:
        Very Deep VAEs (Child, 2021), figure 3
    """

    def __init__(self, channels: int, latent_channels: int, depth: int, act: Activation):
        super().__init__()
        last = nn.Conv2d(channels, 2 * latent_channels + channels, 3, padding=1)
        self.p = nn.Sequential(Residual(channels, act, "layer"), activation(act), zero(last))
        self.z = nn.Conv2d(latent_channels, channels, 1)
        with torch.no_grad():
            self.z.weight.mul_(depth**-0.5)
        self.after = Residual(channels, act, "layer")
        self.split = (2 * latent_channels, channels)

    def prior(self, h: Tensor) -> tuple["Independent[Normal]", Tensor]:
        """p(z_l|h), and h with what the same network adds to it."""
        features, more = self.p(h).split(self.split, dim=1)
        return diagonal(features), h + more

    def merge(self, h: Tensor, z: Tensor) -> Tensor:
        """The next h."""
        found: Tensor = self.after(h + self.z(z.to(h.dtype)))
        return found


@dataclass
class Walk:
    """What one way down the path gave, layer by layer, the top first.

    Arguments:
        z: The latents of each layer, each with shape (N, C, H, W).
        log_p: log p(z_l|.) in nats, each with shape (N,).
        log_q: log q(z_l|.) in nats likewise; nothing without a posterior.
        kl: KL(q(z_l|.) || p(z_l|.)) in nats in closed form, likewise.
        h: What p(x|z) sees, with shape (N, channels, H, W).
    """

    z: list[Tensor] = field(default_factory=list)
    log_p: list[Tensor] = field(default_factory=list)
    log_q: list[Tensor] = field(default_factory=list)
    kl: list[Tensor] = field(default_factory=list)
    h: Tensor = field(default_factory=lambda: torch.empty(0))

    def flat(self) -> Tensor:
        """z with shape (N, D), z_1 next to the data first."""
        return torch.cat([z.flatten(1) for z in reversed(self.z)], 1)


class Posterior(Protocol):
    """Layer l, h and the features of x to q(z_l|h, x)."""

    def __call__(self, layer: int, h: Tensor) -> "Independent[Normal]": ...


class Path(nn.Module):
    r"""p(z) = prod_l p(z_l | z_{l+1}, ..., z_L), each a normal over maps given h of those above.

    Arguments:
        layers: The number of layers at each resolution, the finest first.
        sizes: The height and width of each resolution.
        channels: The number of channels of h.
        latent_channels: The number of channels of each z_l.
        act: The activation's name.
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()

    def __init__(
        self,
        layers: Sequence[int],
        sizes: Sequence[tuple[int, int]],
        channels: int,
        latent_channels: int,
        act: Activation,
    ):
        super().__init__()
        depth = sum(layers)
        # the size of each layer, the top first
        self.sizes = [size for n, size in zip(layers, sizes, strict=True) for _ in range(n)][::-1]
        self.shapes = [(latent_channels, *size) for size in self.sizes]
        self.lengths = [latent_channels * h * w for h, w in self.sizes]
        self.start = nn.Parameter(torch.zeros(1, channels, *self.sizes[0]))
        self.steps = nn.ModuleList(
            Layer(channels, latent_channels, depth, act) for _ in range(depth)
        )
        self.ups = nn.ModuleDict(
            {
                str(i): doubling(channels, channels, self.sizes[i])
                for i in range(1, depth)
                if self.sizes[i] != self.sizes[i - 1]
            }
        )
        largest = max(h * w for h, w in self.sizes)
        # each layer holds about six maps at once
        self.numbers_per_sample = 6 * channels * largest

    def forward(self, *context: Tensor) -> GivenPath:
        """p(z), with batch shape () and event shape (D,)."""
        return GivenPath(self, None, torch.Size())

    def walk(
        self,
        count: int,
        posterior: Posterior | None = None,
        z: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Walk:
        """Go down once.

        Arguments:
            count: The number N of samples.
            posterior: q(z_l|h, x) of every layer; None to draw from p(z).
            z: What is given instead of drawn, with shape (N, D).
            noise: Standard normal numbers to draw by, with shape (N, D).
        """
        found = Walk()
        given, drawn = self._pieces(z), self._pieces(noise)
        h = self.start.expand(count, -1, -1, -1)
        for i, step in enumerate(self.steps):
            if str(i) in self.ups:
                h = self.ups[str(i)](h)
            assert isinstance(step, Layer)
            before = h
            p, h = step.prior(h)
            q = None if posterior is None else posterior(i, before)
            source = p if q is None else q
            value = next(given) if given else _sample(source, next(drawn) if drawn else None)
            found.z.append(value)
            found.log_p.append(p.log_prob(value))
            if q is not None:
                found.log_q.append(q.log_prob(value))
                found.kl.append(kl_divergence(q, p))
            h = step.merge(h, value)
        found.h = h
        return found

    def _pieces(self, flat: Tensor | None) -> Iterator[Tensor] | None:
        """The maps of each layer, the top first, of vectors with shape (N, D)."""
        if flat is None:
            return None
        pieces = flat.split(self.lengths[::-1], dim=1)[::-1]
        return iter([p.unflatten(1, s) for p, s in zip(pieces, self.shapes, strict=True)])

    def from_noise(self, noise: Tensor, uniform: Tensor, *context: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Not used.
        """
        return self.walk(noise.shape[0], noise=noise).flat()


def _sample(p: "Independent[Normal]", noise: Tensor | None) -> Tensor:
    if noise is None:
        return p.rsample()
    base = p.base_dist
    return base.loc + base.scale * noise
