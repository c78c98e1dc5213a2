"""zuko's flows, without the global switch that importing them turns off."""

import zuko
from torch.distributions import Distribution
from zuko.distributions import NormalizingFlow as NormalizingFlow
from zuko.flows import MAF as MAF
from zuko.flows import NSF as NSF
from zuko.flows import MaskedAutoregressiveTransform as MaskedAutoregressiveTransform
from zuko.transforms import ComposedTransform as ComposedTransform

# zuko sets it to False for every distribution of the process; torch's default is __debug__
Distribution.set_default_validate_args(__debug__)

__version__ = zuko.__version__
