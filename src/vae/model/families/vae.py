"""A variational autoencoder: two networks and three distributions."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.condition import Condition
from vae.model.conditional import ConditionalModel
from vae.model.distributions.sampling import centre, rsample_and_log_prob
from vae.model.importance import Importance, importance, in_chunks
from vae.model.inputs import check_range, check_shape, check_support
from vae.model.parts import Likelihood, Posterior, Prior
from vae.model.record import Record

PARTS = ("encoder", "decoder", "posterior", "prior", "likelihood")


class VAE(ConditionalModel):
    r"""The generative model p(z) p(x|z) with its approximate posterior q(z|x).

    .. math:: z \sim p(z), \quad x \sim p(x \mid z), \quad q(z \mid x) \approx p(z \mid x)

    Arguments:
        encoder: A network from (B, \*event_shape) to (B, \*posterior.feature_shape).
        decoder: A network from (N, D) to (N, \*likelihood.feature_shape).
        posterior: Features of x to q(z|x).
        prior: Nothing to p(z).
        likelihood: Features of z to p(x|z).

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), eq. 3, 10
    """

    top_prior = "prior"
    # whether model/prior is a part of its own, which vae.fit_prior can put another in place of
    fits_prior: ClassVar[bool] = True
    # whether a pass visits every class of an example, instead of samples drawn alike
    enumerates: ClassVar[bool] = False
    # what its batches carry, where it is not what model.condition says
    context_kind: ClassVar[str | None] = None
    # (C, H, W) where z is maps
    map_shape: tuple[int, int, int] | None = None

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        posterior: Posterior,
        prior: Prior,
        likelihood: Likelihood,
    ):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.posterior = posterior
        self.prior = prior
        self.likelihood = likelihood
        self.condition: Condition | None = None
        self.context: Tensor | None = None

    @classmethod
    def build(cls, part: Callable[..., Any], latent_dim: int = 32) -> "VAE":
        """The model of a config, whose parts `part` makes.

        Arguments:
            part: Makes encoder, decoder, posterior, prior or likelihood, by its name; sizes that
                follow from other choices are its further arguments.
            latent_dim: The length D of z.
        """
        posterior = part("posterior", latent_dim=latent_dim)
        likelihood = part("likelihood")
        encoder = part("encoder", out_shape=posterior.feature_shape)
        decoder = part("decoder", in_shape=(latent_dim,), out_shape=likelihood.feature_shape)
        prior = part("prior", latent_dim=latent_dim, encoder=encoder, posterior=posterior)
        return cls(encoder, decoder, posterior, prior, likelihood)

    def encode(self, x: Tensor) -> Distribution:
        r"""q(z|x), with batch shape (B,), for x with shape (B, \*event_shape).

        Raises:
            DataError: If x has another shape, or values outside [0, 1].
        """
        self._check(x, lambda: check_range(x, self.likelihood.support))
        return self._encode(x)

    def _encode(self, x: Tensor) -> Distribution:
        return self.posterior(self.encoder_features(x))

    def encoder_features(self, x: Tensor) -> Tensor:
        r"""The encoder's output, with shape (B, \*feature_shape), for x with (B, \*event_shape)."""
        context = self._context((x.shape[0],))
        features: Tensor = self.encoder(as_weights(self.encoder, x), *context)
        return features

    def latent_prior(self) -> Distribution:
        """p(z), with batch shape (); or p(z|c), with batch shape (B,), where the prior takes c."""
        return self.prior(*self.prior_context())

    def check(self, x: Tensor) -> None:
        r"""Refuse examples that p(x|z) does not explain.

        Arguments:
            x: The examples, with shape (B, \*event_shape).

        Raises:
            DataError: If they have another shape, or values outside the likelihood's support.
        """
        check_shape(x, self.likelihood.event_shape)
        check_support(x, self.likelihood.support, type(self.likelihood).__name__)

    def _check(self, x: Tensor, values: Callable[[], None]) -> None:
        check_shape(x, self.likelihood.event_shape)
        # a look at values makes every step wait for a GPU; training looks at an epoch's first batch
        if not self.training:
            values()

    def decode(self, z: Tensor) -> Distribution:
        r"""p(x|z), with batch shape (\*), for z with shape (\*, D)."""
        return self.likelihood(self.decoder_features(z))

    def decoder_features(self, z: Tensor) -> Tensor:
        r"""The decoder's output, with shape (\*, \*feature_shape), for z with shape (\*, D)."""
        z = self.decoder_input(z)
        shape = z.shape[:-1]
        context = [c.flatten(0, -2) for c in self._context(tuple(shape) or (1,))]
        rows = z.reshape(math.prod(shape), z.shape[-1])
        features: Tensor = self.decoder(as_weights(self.decoder, rows), *context)
        return features.reshape(*shape, *features.shape[1:])

    def decoder_input(self, z: Tensor) -> Tensor:
        r"""What the decoder sees of z, for z with shape (\*, D)."""
        return z

    def forward(self, x: Tensor, num_samples: int = 1) -> Record:
        r"""One pass: x to q(z|x), z and p(x|z).

        Arguments:
            x: The examples, with shape (B, \*event_shape).
            num_samples: The number S of samples z of each posterior.

        Raises:
            DataError: If x has another shape, or values that p(x|z) does not explain.
        """
        self._check(x, lambda: self.check(x))
        posterior = self._encode(x)
        z, log_qz = rsample_and_log_prob(posterior, num_samples)
        return Record(x, posterior, z, self.latent_prior(), self.decode(z), log_qz)

    @torch.no_grad()
    def embed(self, x: Tensor) -> Tensor:
        r"""E_q[z], the place of x in latent space, with shape (B, D).

        A flow's has no closed form and is the mean of 64 samples.

        Arguments:
            x: The examples, with shape (B, \*event_shape).
        """
        return centre(self.encode(x))[0]

    @torch.no_grad()
    def sample(self, num_samples: int, memory: float = 256) -> Tensor:
        r"""New examples z ~ p(z), x ~ p(x|z), with shape (num_samples, \*event_shape).

        Arguments:
            num_samples: How many.
            memory: How much may be in flight at once beside them, in MB.
        """
        z = self.draw(num_samples)
        return torch.cat([own.decode(some).sample() for own, some in in_chunks(self, z, memory)])

    @torch.no_grad()
    def draw(self, num_samples: int) -> Tensor:
        """z ~ p(z), or z ~ p(z|c) of as many contexts, with shape (num_samples, D)."""
        p = self.prior(*self.prior_context(num_samples))
        return p.sample() if p.batch_shape else p.sample(torch.Size([num_samples]))

    def log_prob(self, x: Tensor, num_samples: int = 1000, memory: float = 256) -> Importance:
        r"""log p(x) in nats by importance sampling, with its variance and effective sample size.

        Arguments:
            x: The examples, with shape (B, \*event_shape).
            num_samples: The number k of samples of q(z|x) for each.
            memory: How much they may occupy at once, in MB.

        Raises:
            DataError: If x has another shape, or values that p(x|z) does not explain.
        """
        self.check(x)
        return importance(self, x, num_samples, memory)

    @property
    def latent_dim(self) -> int:
        """The length D of z."""
        return self.posterior.latent_dim

    @property
    def layers(self) -> list[int]:
        """The length of each layer of z."""
        return [self.latent_dim]

    def top(self, z: Tensor) -> Tensor:
        r"""The layer of z that model/prior is a distribution of, for z with shape (\*, D)."""
        return z

    @property
    def layer_names(self) -> list[str]:
        """What each layer is called."""
        return [f"z_{i + 1}" for i in range(len(self.layers))]

    def num_parameters(self, part: str) -> int:
        """The number of trainable scalars in `part`, for instance "encoder"."""
        module = cast(nn.Module, getattr(self, part))
        return sum(math.prod(p.shape) for p in module.parameters() if p.requires_grad)


def as_weights(network: nn.Module, x: Tensor) -> Tensor:
    """`x` in the precision of a network's weights; distributions keep their own."""
    return x.to(next(network.parameters()).dtype)
