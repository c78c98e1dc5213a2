"""An adversary's place in the optimiser: a group of weights with settings of its own."""

from types import SimpleNamespace
from typing import Any, cast

from lightning.pytorch import LightningModule
from torch.optim import Optimizer

from vae.errors import ConfigError
from vae.objectives.adversary import Judge


def group(adversary: Judge, optimizer: Optimizer) -> dict[str, Any]:
    """The adversary's weights, with their own settings of this optimiser.

    Raises:
        ConfigError: If the optimiser has no such setting.
    """
    unknown = [name for name in adversary.settings if name not in optimizer.defaults]
    if unknown:
        raise ConfigError(
            f"objective.adversary.{unknown[0]} is a setting of the optimiser, and "
            f"{type(optimizer).__name__} has none; choose optimizer=adam or adamw."
        )
    return {"params": list(adversary.parameters()), **adversary.settings}


def clip_each(module: LightningModule, optimizer: Optimizer, **limit: Any) -> None:
    """Clip the gradient of each group of weights by its own norm, as if each had its optimiser."""
    for one in optimizer.param_groups:
        alone = cast(Optimizer, SimpleNamespace(param_groups=[one]))
        module.clip_gradients(alone, **limit)
