"""Several layers of latents, each the context of the one below it."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from vae.model.capabilities import Capability, has_trait, offers
from vae.model.condition import Condition
from vae.model.families.vae import VAE
from vae.model.layered.bottom_up import BottomUp
from vae.model.layered.prior import LayeredPrior
from vae.model.layered.top_down import TopDown
from vae.model.networks.layers import Activation
from vae.model.parts import Likelihood, Posterior
from vae.model.posteriors.diagonal_normal import DiagonalNormal


class Hierarchical(VAE):
    r"""L layers of latents, z = (z_1, ..., z_L) side by side, z_1 next to the data.

    .. math:: p(x, z) = p(x \mid z_1) \prod_{l < L} p(z_l \mid z_{l+1}) \, p(z_L)

    with normal p(z_l | z_{l+1}) and any prior of this package as p(z_L). Both q(z|x) and p(z) are
    distributions of the whole z, so that whatever holds for a flat VAE holds here. With a prior
    p(z|c), every p(z_l | z_{l+1}, c) and every q(z_l|.) is given c.

    References:
        Importance Weighted Autoencoders (Burda et al., 2016), section 5 and appendix C (bottom_up)
        Ladder Variational Autoencoders (Soenderby et al., 2016), section 2.2 (top_down)
    """

    top_prior = "prior.top"
    prior: LayeredPrior

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        posterior: BottomUp | TopDown,
        prior: LayeredPrior,
        likelihood: Likelihood,
        skip: bool,
    ):
        super().__init__(encoder, decoder, cast(Posterior, posterior), prior, likelihood)
        self.skip = skip

    @classmethod
    def build(  # type: ignore[override]
        cls,
        part: Callable[..., Any],
        layers: Sequence[int] = (100, 50),
        hidden: Sequence[int] = (100, 100),
        inference: Literal["bottom_up", "top_down"] = "bottom_up",
        skip: bool = False,
        activation: Activation = "tanh",
        latent_dim: int = 50,
        condition: Condition | None = None,
    ) -> "Hierarchical":
        """The model of a config, whose parts `part` makes.

        Arguments:
            part: Makes encoder, decoder, posterior, prior or likelihood, by its name.
            layers: The length of each z_l, z_1 first.
            hidden: The widths of the hidden layers of every network between two layers of latents.
            inference: "bottom_up" for q(z|x) = q(z_1|x) q(z_2|z_1) ...; "top_down" for q(z_L|x)
                and q(z_l | z_{l+1}, x), whose mean and variance are those of p(z_l | z_{l+1})
                merged with the data's, by their precisions.
            skip: Whether p(x|z) sees all layers, and p(z_l|.) all above it, instead of the next.
            activation: The activation between those hidden layers.
            latent_dim: What the config's layers take for z_L where they say nothing else.
            condition: What makes c of a class or of attributes; None without.

        Raises:
            ValueError: If there are fewer than two layers, a size is not positive, or a part does
                not fit in.
        """
        if len(layers) < 2 or min([*layers, *hidden]) < 1:
            raise ValueError(
                "layers are the lengths of at least two vectors, z_1 first, and hidden the widths "
                f"between them, got {list(layers)} and {list(hidden)}; set for instance "
                "model.layers=[100,50]."
            )
        likelihood, own = part("likelihood"), part("posterior", latent_dim=layers[0])
        if not isinstance(own, DiagonalNormal):
            raise ValueError(
                "each layer of a hierarchy has a normal posterior with a diagonal covariance, got "
                "another; choose model/posterior=diagonal_normal."
            )
        width = condition.width if condition else 0
        inferred = BottomUp if inference == "bottom_up" else TopDown
        posterior: BottomUp | TopDown = inferred(layers, hidden, activation, width)
        encoder = part("encoder", out_shape=(posterior.width,))
        decoder = part(
            "decoder",
            in_shape=(sum(layers) if skip else layers[0],),
            out_shape=likelihood.feature_shape,
        )
        top = part("prior", latent_dim=layers[-1], encoder=encoder, posterior=posterior.top)
        needs: frozenset[Capability] = getattr(top, "requires", frozenset())
        if any(not offers(posterior.top, capability) for capability in needs):
            raise ValueError(
                "this prior is made of q(z_L|x), which bottom_up inference gives only by samples "
                "of the layers below; set model.inference=top_down."
            )
        given = width if has_trait(top, "takes_context") else 0
        prior = LayeredPrior(top, layers, hidden, skip, activation, given)
        if isinstance(posterior, TopDown):
            posterior.borrow(prior)
        return cls(encoder, decoder, posterior, prior, likelihood, skip)

    def encoder_features(self, x: Tensor) -> Tensor:
        r"""The encoder's output and c, with shape (B, width + C), for x with (B, \*event_shape)."""
        features = super().encoder_features(x)
        context = [c.to(features.dtype) for c in self._context((x.shape[0],))]
        return torch.cat([features, *context], dim=-1)

    def decoder_input(self, z: Tensor) -> Tensor:
        r"""z_1, or all of z with skips, for z with shape (\*, D)."""
        return z if self.skip else z[..., : self.layers[0]]

    @property
    def layers(self) -> list[int]:
        """The length of each z_l, z_1 first."""
        return self.prior.layers

    def top(self, z: Tensor) -> Tensor:
        r"""z_L, with shape (\*, D_L)."""
        return z[..., -self.layers[-1] :]
