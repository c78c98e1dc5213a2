"""zuko's flows, without the global switch that importing them turns off."""

import torch
from torch import nn
from torch.distributions import Distribution
from zuko.distributions import NormalizingFlow as NormalizingFlow
from zuko.flows import MAF as MAF
from zuko.flows import NSF as NSF
from zuko.flows import MaskedAutoregressiveTransform as MaskedAutoregressiveTransform
from zuko.nn import MaskedMLP as MaskedMLP
from zuko.transforms import ComposedTransform as ComposedTransform

from vae.model.precision import FullPrecision

# zuko sets it to False for every distribution of the process; torch's default is __debug__
Distribution.set_default_validate_args(__debug__)


@torch.no_grad()
def prepared(transform: nn.Module) -> nn.Module:
    """`transform` with its network, if it has one, outside autocast and close to the identity.

    A map that starts elsewhere disturbs every dimension of z, also those that carry nothing.
    """
    if isinstance(network := getattr(transform, "hyper", None), nn.Sequential):
        for parameter in network[-1].parameters():
            parameter.mul_(0.01)
        transform.hyper = FullPrecision(network)
    return transform
