"""A limit on what building a model from a stranger's config may allocate."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode

from vae.errors import RunError

# operations whose result is as large as their arguments say, rather than as their inputs
SHAPED = ("empty", "zeros", "ones", "full", "rand", "new_", "arange", "linspace")
FACTORIES = (*SHAPED, "eye", "tril_indices", "triu_indices", "repeat")
# numbers and modules that any model may have, whatever its weights
NUMBERS, MODULES = 4_000_000, 1_000


class _Sizes(TorchDispatchMode):
    """Look at every result's size before it is computed."""

    def __init__(self, numbers: int):
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = numbers

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if (size := _size(func, args)) > self.numbers:
            raise _excess(f"{size:.2g} numbers at once")
        return func(*args, **(kwargs or {}))


def _size(func: Any, args: tuple[Any, ...]) -> float:
    name = func.overloadpacket.__name__
    tensors = [a for a in args if isinstance(a, Tensor)]
    if name.startswith(FACTORIES):
        lists = [float(math.prod(a)) for a in args if isinstance(a, list | tuple) and a]
        numbers = [abs(float(a)) for a in args if isinstance(a, int | float)]
        if name in ("eye", "tril_indices", "triu_indices"):
            return float(math.prod(numbers[:2]) if len(numbers) > 1 else math.prod(numbers) ** 2)
        inputs = tensors[0].numel() if name == "repeat" else 1
        known = name.startswith(("arange", "linspace"))
        return max([*lists, *(numbers if known else [])], default=0.0) * inputs
    if name in ("mm", "addmm", "bmm", "baddbmm") and len(tensors) > 1:
        one, two = tensors[-2:]
        return float(math.prod(one.shape[:-1]) * two.shape[-1])
    if torch.Tag.pointwise in func.tags and len(tensors) > 1:
        return float(math.prod(torch.broadcast_shapes(*(t.shape for t in tensors))))
    return 0.0


def _excess(what: str) -> RunError:
    return RunError(
        f"a model is no larger than the weights that come with it, but its config asks for {what}; "
        "its config and weights do not fit together: give an undamaged file."
    )


@contextmanager
def budget(weights: Mapping[str, Tensor]) -> Iterator[None]:
    """While inside, refuse to build a model that is much larger than some weights.

    A config of a few words may ask for any number of dimensions, components or layers; what it
    asks for is compared with the weights before it is allocated.

    Arguments:
        weights: The weights that it will be given.

    Raises:
        RunError: If the model asks for more.
    """
    # a view may claim any shape, storage is what there is
    stored = {
        t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in weights.values()
    }
    size = sum(stored.values())
    modules = parameters = 0

    def count_module(parent: nn.Module, name: str, child: nn.Module | None) -> None:
        nonlocal modules
        modules += 1
        if modules > MODULES + 100 * len(weights):
            raise _excess(f"{modules:,} layers and more")

    def count_parameter(parent: nn.Module, name: str, value: nn.Parameter | None) -> None:
        nonlocal parameters
        parameters += 0 if value is None else value.numel()
        if parameters > NUMBERS + size:
            raise _excess(f"{parameters:,} weights and more")

    hooks = (
        register_module_module_registration_hook(count_module),
        register_module_parameter_registration_hook(count_parameter),
    )
    try:
        with _Sizes(NUMBERS + 4 * size):
            yield
    finally:
        for hook in hooks:
            hook.remove()
