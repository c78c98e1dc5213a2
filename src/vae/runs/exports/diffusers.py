"""format=diffusers: a spatial autoencoder as diffusers' AutoencoderKL reads it."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae import files
from vae.errors import ConfigError, RunError, needs_extra
from vae.model.families.spatial import Spatial
from vae.model.families.vae import VAE
from vae.model.likelihoods.gaussian import Gaussian
from vae.model.likelihoods.laplace import Laplace
from vae.model.likelihoods.student_t import StudentT
from vae.model.posteriors.diagonal_normal import DiagonalNormal

WEIGHTS, CONFIG = "diffusion_pytorch_model.safetensors", "config.json"
# of the largest value, between float32 convolutions in two orders
CLOSE = 1e-3


def write(model: VAE, event_shape: tuple[int, ...], folder: Path) -> dict[Path, float]:
    """Write the weights and config.json, read them with diffusers, and compare.

    diffusers has pixels from -1 to 1: the last convolution is scaled for it. Its latents are z
    itself (scaling_factor 1).

    Arguments:
        model: A spatial model.
        event_shape: The shape (C, H, W) of an image.
        folder: Where.

    Returns:
        The weights' file, with the largest difference of what is encoded and decoded.

    Raises:
        ConfigError: If the model is no AutoencoderKL, or diffusers is not installed.
        RunError: If what was written computes something else.
    """
    features = model.likelihood.feature_shape
    plain = isinstance(model, Spatial) and isinstance(model.posterior, DiagonalNormal)
    located = isinstance(model.likelihood, Gaussian | Laplace | StudentT)
    if not plain or not located or tuple(features) != tuple(event_shape):
        raise ConfigError(
            "format=diffusers is for a model that AutoencoderKL can be: model=spatial with "
            "model/posterior=diagonal_normal and a likelihood whose features are the image "
            "(gaussian, laplace or student_t with one scale); choose format=safetensors."
        )
    assert isinstance(model, Spatial)
    try:
        from diffusers import AutoencoderKL
        from safetensors.torch import save
    except ImportError as e:
        raise needs_extra("format=diffusers", "diffusers", "diffusers") from e
    kind: Any = AutoencoderKL
    theirs = kind(**settings(model, event_shape))
    theirs.load_state_dict(weights(model))
    files.write(folder / WEIGHTS, save(weights(model)))
    theirs.save_config(folder)
    read = kind.from_pretrained(folder, low_cpu_mem_usage=False).eval()
    worst = difference(model, read, event_shape)
    if worst > CLOSE:
        raise RunError(
            f"{folder} must compute what the model does, but differs by {worst:.1g} of the "
            "largest value; report it."
        )
    return {folder / WEIGHTS: worst}


def settings(model: Spatial, event_shape: tuple[int, ...]) -> dict[str, Any]:
    """What AutoencoderKL is built with."""
    encoder: Any = model.encoder
    stages = encoder.down_blocks
    channels = [stage.resnets[-1].conv2.out_channels for stage in stages]
    assert model.map_shape is not None
    return {
        "in_channels": event_shape[0],
        "out_channels": event_shape[0],
        "down_block_types": ["DownEncoderBlock2D"] * len(channels),
        "up_block_types": ["UpDecoderBlock2D"] * len(channels),
        "block_out_channels": channels,
        "layers_per_block": len(stages[0].resnets),
        "latent_channels": model.map_shape[0],
        "norm_num_groups": encoder.conv_norm_out.num_groups,
        "sample_size": event_shape[-1],
        "scaling_factor": 1.0,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
        "mid_block_add_attention": bool(len(encoder.mid_block.attentions)),
    }


def weights(model: Spatial) -> dict[str, Tensor]:
    """The networks' weights by diffusers' names, which are ours, for pixels from -1 to 1."""
    found = {
        f"{part}.{name}": value.float().clone().contiguous()
        for part in ("encoder", "decoder")
        for name, value in getattr(model, part).state_dict().items()
    }
    found["decoder.conv_out.weight"] *= 2
    found["decoder.conv_out.bias"] = 2 * found["decoder.conv_out.bias"] - 1
    return found


@torch.no_grad()
def difference(model: Spatial, theirs: Any, event_shape: tuple[int, ...]) -> float:
    """The largest difference of means, deviations and images, as a share of the largest value."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, *event_shape, generator=generator)
    q: Any = model.encode(x)
    found = theirs.encode(2 * x - 1).latent_dist
    z = q.mean
    image = theirs.decode(z.unflatten(1, model.map_shape)).sample
    pairs = [
        (q.mean, found.mean.flatten(1)),
        (q.stddev, found.std.flatten(1)),
        (model.decode(z).mean, (image + 1) / 2),
    ]
    return max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs)
