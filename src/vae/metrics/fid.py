"""The distance of generated from real images, in a feature network trained on the data itself."""

import warnings
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from vae.metrics.estimate import Estimate
from vae.metrics.features import FeatureNetwork

# blocks that tell the error of KID, and repeats that tell that of FID
BLOCKS, REPEATS = 10, 20


class Distances(NamedTuple):
    """How far images are from real ones, with standard errors.

    Arguments:
        fid: The Fréchet distance of the features' means and covariances, without unit; its error
            is that of 20 bootstrap samples of the images.
        kid: The squared MMD of the features (polynomial kernel of degree 3); the mean and its
            error over 10 blocks of the images.
    """

    fid: Estimate
    kid: Estimate


class _Features(nn.Module):
    """Features that are already there, as a network for torchmetrics."""

    num_features = FeatureNetwork.num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


@torch.no_grad()
def distances(network: FeatureNetwork, real: Tensor, images: Tensor) -> Distances:
    """FID and KID through torchmetrics; they compare with nothing but the same network's.

    Arguments:
        network: The feature network.
        real: Bytes, with shape (N, C, H, W), N at least 20.
        images: Bytes, with shape (M, C, H, W), M at least 20.

    References:
        GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017), eq. 6 (FID)
        Demystifying MMD GANs (Bińkowski et al., 2018), section 4 (KID)
    """
    a, b = (torch.cat([network(some) for some in x.split(1000)]) for x in (real, images))
    with warnings.catch_warnings(), torch.random.fork_rng():
        # that it keeps features of 64 numbers in memory
        warnings.filterwarnings("ignore", message="Metric `Kernel Inception Distance` will save")
        torch.manual_seed(0)
        again = torch.tensor([_fid(_resample(a), _resample(b)) for _ in range(REPEATS)])
        # dealt out, so that blocks do not follow the order of the files
        pairs = zip(_deal(a), _deal(b), strict=True)
        blocks = torch.tensor([_kid(x, y) for x, y in pairs])
    return Distances(Estimate(_fid(a, b), float(again.std()), len(images)), Estimate.of(blocks))


def _fid(a: Tensor, b: Tensor) -> float:
    metric = FrechetInceptionDistance(feature=_Features())
    metric.update(a, real=True)
    metric.update(b, real=False)
    return float(metric.compute())


def _kid(a: Tensor, b: Tensor) -> float:
    size = min(len(a), len(b))
    metric = KernelInceptionDistance(feature=_Features(), subsets=1, subset_size=size)
    metric.update(a, real=True)
    metric.update(b, real=False)
    return float(metric.compute()[0])


def _resample(x: Tensor) -> Tensor:
    return x[torch.randint(len(x), (len(x),))]


def _deal(x: Tensor) -> list[Tensor]:
    return [x[i::BLOCKS] for i in range(BLOCKS)]
