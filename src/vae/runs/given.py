"""What a user says of an example, to the context that a conditional model is given."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vae.errors import ConfigError, printable
from vae.model.condition import Condition
from vae.runs.opened import Run

Said = str | int | float | Sequence[float]


def context_of(run: Run, said: Said) -> Tensor:
    """One context: a class, by its number or name, or attributes, separated by commas.

    Arguments:
        run: The run.
        said: For instance 7, "cat", or [0.1, 2].

    Returns:
        A class, with shape (1,), or attributes, with shape (1, A).

    Raises:
        ConfigError: If the run's model is not conditional, or knows no such class or attributes.
    """
    condition = run.model.condition
    if condition is None:
        raise ConfigError(
            f"condition chooses a class or attributes of a conditional model, got {said}, but this "
            "run is of p(x); leave it out, or train with model.condition=label."
        )
    if condition.kind == "label":
        return torch.tensor([_class(said, condition, run.data.get("classes") or [])])
    return torch.tensor([_attributes(said, condition)])


def classes_of(run: Run) -> list[str]:
    """The names of the classes of a conditional model, or their numbers."""
    condition = run.model.condition
    if condition is None or condition.kind != "label":
        return []
    return list(run.data.get("classes") or map(str, range(condition.size)))


def _class(said: Said, condition: Condition, names: Sequence[str]) -> int:
    word = str(said).strip()
    if word in names:
        return list(names).index(word)
    if word.isdecimal() and int(word) < condition.size:
        return int(word)
    some = f", or its name ({', '.join(names[:5])}, ...)" if names else ""
    raise ConfigError(
        f"condition is a class from 0 to {condition.size - 1}{some}, got {printable(word)}; give "
        "one of them."
    )


def _attributes(said: Said, condition: Condition) -> list[float]:
    words = said.strip("[]() ").split(",") if isinstance(said, str) else said
    try:
        found = [float(w) for w in words] if isinstance(words, Sequence) else [float(words)]
    except ValueError:
        found = []
    if len(found) != condition.size or not torch.tensor(found).isfinite().all():
        raise ConfigError(
            f"condition is {condition.size} numbers, one for each attribute, got {said}; give for "
            f"instance condition=[{','.join(['0'] * condition.size)}]."
        )
    return found
