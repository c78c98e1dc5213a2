"""Many layers of spatial latents, from the top down."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from vae.model.condition import Condition
from vae.model.families.vae import VAE
from vae.model.ladder.output import Output
from vae.model.ladder.path import Path
from vae.model.ladder.posterior import BottomUp, Heads, LadderPosterior
from vae.model.networks.conv import halvings
from vae.model.networks.layers import Activation
from vae.model.parts import Likelihood, Posterior, Prior
from vae.model.record import Record


class Ladder(VAE):
    r"""L layers of latents, each a stack of maps, z_l with shape (C, H, W).

    .. math:: p(x, z) = p(x \mid z) \prod_l p(z_l \mid z_{l+1}, \dots, z_L), \quad
        q(z \mid x) = \prod_l q(z_l \mid z_{l+1}, \dots, z_L, x)

    Both go down the same path, whose state h is refined at every layer by residual blocks and by
    z_l; q sees the features of x at that resolution besides. z is all layers side by side, as one
    vector, so that whatever holds for a flat VAE holds here.

    References:
        Ladder Variational Autoencoders (Soenderby et al., 2016)
        Very Deep VAEs Generalize Autoregressive Models (Child, 2021), section 3
    """

    fits_prior = False
    prior: Path
    posterior: LadderPosterior  # type: ignore[assignment]
    decoder: Output

    @classmethod
    def build(  # type: ignore[override]
        cls,
        part: Callable[..., Any],
        event_shape: tuple[int, ...],
        layers: Sequence[int] = (3, 3),
        channels: int = 32,
        latent_channels: int = 4,
        blocks: int = 1,
        activation: Activation = "silu",
        condition: Condition | None = None,
    ) -> "Ladder":
        """The model of a config.

        Arguments:
            part: Makes the likelihood.
            event_shape: The shape (C, H, W) of an image.
            layers: The number of layers at a half, a quarter, ... of the image's height and width.
            channels: The number of channels of the path and of the features of x.
            latent_channels: The number of channels of each z_l.
            blocks: The number of residual blocks of the encoder at each resolution.
            activation: The activation's name.
            condition: A ladder takes none.

        Raises:
            ValueError: If the images cannot be halved so often, or a number is not positive.
        """
        if not layers or min([*layers, channels, latent_channels]) < 1 or blocks < 0:
            raise ValueError(
                "layers are the numbers of layers at each resolution, each at least 1, as channels "
                f"and latent_channels are, got {list(layers)}, {channels} and {latent_channels}; "
                "set for instance model.layers=[3,3]."
            )
        if condition is not None:
            raise ValueError(
                f"a ladder is of p(x), got model.condition={condition.kind}; set it to null, or "
                "choose model=vae or hierarchical."
            )
        likelihood = part("likelihood")
        sizes = halvings(event_shape, len(layers), "encoder")[1:]
        path = Path(layers, sizes, channels, latent_channels, activation)
        posterior = LadderPosterior(path, layers, channels, latent_channels, activation)
        encoder = BottomUp(event_shape[0], channels, len(layers), blocks, activation)
        decoder = Output(path, likelihood.feature_shape, channels, activation)
        return cls(
            encoder,
            decoder,
            cast(Posterior, posterior),
            cast(Prior, path),
            cast(Likelihood, likelihood),
        )

    def forward(self, x: Tensor, num_samples: int = 1) -> Record:
        r"""One way down for every sample: z, its densities, the rate and p(x|z).

        Arguments:
            x: The examples, with shape (B, \*event_shape).
            num_samples: The number S of samples z of each posterior.

        Raises:
            DataError: If x has another shape, or values that p(x|z) does not explain.
        """
        self._check(x, lambda: self.check(x))
        features = self.encoder(x.to(self.prior.start.dtype))
        rows, shape = len(x) * num_samples, (num_samples, len(x))
        walk = self.prior.walk(rows, Heads(self.posterior, features).repeated(rows))
        output = self.decoder.of(walk.h)
        return Record(
            x,
            self.posterior(features),
            walk.flat().reshape(*shape, -1),
            self.latent_prior(),
            self.likelihood(output.reshape(*shape, *output.shape[1:])),
            torch.stack(walk.log_q).sum(0).reshape(shape),
            sampled_log_pz=torch.stack(walk.log_p).sum(0).reshape(shape),
            sampled_kl=[kl.reshape(shape) for kl in reversed(walk.kl)],
        )

    def _encode(self, x: Tensor) -> Distribution:
        q: Distribution = self.posterior(self.encoder_features(x))
        return q

    def encoder_features(self, x: Tensor) -> Any:
        """The features of x at every resolution."""
        return self.encoder(x.to(self.prior.start.dtype))

    @property
    def layers(self) -> list[int]:
        """The length of each z_l, z_1 first."""
        return self.prior.lengths[::-1]

    def top(self, z: Tensor) -> Tensor:
        r"""z_L, with shape (\*, D_L)."""
        return z[..., -self.layers[-1] :]
