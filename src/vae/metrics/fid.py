"""The distance of generated from real images, in a feature network trained on the data itself."""

import warnings
from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from vae.metrics.estimate import Estimate
from vae.metrics.features import FeatureNetwork


class Distances(NamedTuple):
    """How far images are from real ones.

    Arguments:
        fid: The Fréchet distance of the features' means and covariances, without unit.
        kid: The squared MMD of the features (polynomial kernel of degree 3), with its standard
            error over 100 subsets.
    """

    fid: float
    kid: Estimate


@torch.no_grad()
def distances(network: FeatureNetwork, real: Tensor, images: Tensor) -> Distances:
    """FID and KID through torchmetrics; they compare with nothing but the same network's.

    Arguments:
        network: The feature network.
        real: Bytes, with shape (N, C, H, W).
        images: Bytes, with shape (M, C, H, W).

    References:
        GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017), eq. 6 (FID)
        Demystifying MMD GANs (Bińkowski et al., 2018), section 4 (KID)
    """
    subset = min(1000, len(real), len(images))
    with warnings.catch_warnings(), torch.random.fork_rng():
        # that it keeps features of 64 numbers in memory
        warnings.filterwarnings("ignore", message="Metric `Kernel Inception Distance` will save")
        torch.manual_seed(0)
        fid = FrechetInceptionDistance(feature=network)
        kid = KernelInceptionDistance(feature=network, subsets=100, subset_size=subset)
        for batch, is_real in ((real, True), (images, False)):
            for some in batch.split(1000):
                fid.update(some, real=is_real)
                kid.update(some, real=is_real)
        mean, deviation = kid.compute()
        return Distances(
            fid=float(fid.compute()),
            kid=Estimate(float(mean), float(deviation) / 10, len(images)),
        )
