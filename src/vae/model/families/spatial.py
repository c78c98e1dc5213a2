"""A VAE whose z is a stack of maps: the first stage of latent diffusion and token models."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from vae.model.capabilities import offers
from vae.model.condition import Condition
from vae.model.families.vae import VAE
from vae.model.spatial.networks import SpatialDecoder, SpatialEncoder, checkpoint_blocks


class Spatial(VAE):
    r"""p(z) p(x|z) with z of shape (C, H / f, W / f), flattened; with f = 2^(stages - 1).

    Posterior, prior and likelihood are any: `diagonal_normal` for what diffusers calls
    AutoencoderKL, `fsq` for codes.

    References:
        High-Resolution Image Synthesis with Latent Diffusion Models (Rombach et al., 2022),
        section 3.1
    """

    @classmethod
    def build(  # type: ignore[override]
        cls,
        part: Callable[..., Any],
        event_shape: tuple[int, ...],
        channels: Sequence[int] = (32, 64, 64),
        latent_channels: int = 4,
        blocks: int = 1,
        groups: int = 8,
        attention: bool = True,
        checkpointing: bool = False,
        condition: Condition | None = None,
    ) -> "Spatial":
        """The model of a config.

        Arguments:
            part: Makes posterior, prior and likelihood.
            event_shape: The shape (C, H, W) of an image.
            channels: The channels of each stage; all but the last halve height and width.
            latent_channels: The number of channels of z.
            blocks: The residual blocks of a stage of the encoder; the decoder has one more.
            groups: Of the normalisations; a divisor of all channels.
            attention: Whether there is some at the lowest resolution.
            checkpointing: Whether blocks are computed again in the backward pass, for memory.
            condition: It takes none.

        Raises:
            ValueError: If the images cannot be halved so often, or a number does not fit.
        """
        if not channels or min([*channels, latent_channels, blocks, groups]) < 1:
            raise ValueError(
                "channels (at least one), latent_channels, blocks and groups are at least 1, got "
                f"{list(channels)}, {latent_channels}, {blocks} and {groups}; set them so."
            )
        if any(n % groups for n in channels):
            raise ValueError(
                f"groups divide every entry of channels, got {groups} and {list(channels)}; set "
                f"model.groups={math.gcd(*channels)}."
            )
        factor = 2 ** (len(channels) - 1)
        height, width = event_shape[1:]
        if height % factor or width % factor:
            raise ValueError(
                f"{len(channels)} stages divide height and width by {factor}, and these images "
                f"have {height} x {width}; set data.size to multiples of it, or fewer channels."
            )
        if condition is not None:
            raise ValueError(
                f"a spatial model is of p(x), got model.condition={condition.kind}; set it to "
                "null, or choose model=vae."
            )
        shape = (latent_channels, height // factor, width // factor)
        places = shape[1] * shape[2]
        posterior = part("posterior", latent_dim=math.prod(shape), places=places)
        likelihood = part("likelihood")
        if not offers(posterior, "maps") or posterior.feature_shape[0] % places:
            raise ValueError(
                "a posterior over maps takes as many features of every place; choose "
                "model/posterior=diagonal_normal, delta, fsq, lfq or vq."
            )
        settings = (channels, blocks, groups, attention)
        encoder = SpatialEncoder(event_shape[0], posterior.feature_shape[0] // places, *settings)
        decoder = SpatialDecoder(shape, likelihood.feature_shape[0], *settings)
        if checkpointing:
            checkpoint_blocks(encoder)
            checkpoint_blocks(decoder)
        sizes = {"latent_dim": math.prod(shape), "map_shape": shape}
        prior = part("prior", encoder=encoder, posterior=posterior, **sizes)
        model = cls(encoder, decoder, posterior, prior, likelihood)
        model.map_shape = shape
        return model
