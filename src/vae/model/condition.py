"""What a conditional model knows of each example beside x: its class, or its attributes."""

from typing import Literal

import torch
from torch import Tensor, nn

from vae.errors import DataError

Kind = Literal["label", "attributes"]


class Condition(nn.Module):
    """A class or attributes of each example, to the vector c that networks and priors see.

    A class is one-hot, or a row of a learned table; attributes are as they are, or a learned linear
    map of them.

    Arguments:
        kind: "label" for classes 0, 1, ..., or "attributes" for a float vector.
        size: The number of classes, or of attributes.
        embedding: The length of a learned embedding; None for none.

    Raises:
        ValueError: If a size is not positive.

    References:
        Learning Structured Output Representation using Deep Conditional Generative Models
        (Sohn et al., 2015), section 4
    """

    def __init__(self, kind: Kind, size: int, embedding: int | None = None):
        super().__init__()
        if size < 1 or (embedding is not None and embedding < 1):
            raise ValueError(
                f"a condition has at least one class or attribute, and an embedding at least one "
                f"dimension, got {size} and {embedding}."
            )
        self.kind, self.size = kind, size
        self.width = embedding or size
        self.embed: nn.Module | None = None
        if embedding:
            learned = nn.Embedding if kind == "label" else nn.Linear
            self.embed = learned(size, embedding)

    def forward(self, context: Tensor) -> Tensor:
        """c, with shape (B, width), for classes with shape (B,) or attributes with (B, size).

        Raises:
            DataError: If a class is not one of 0, ..., size - 1, or attributes have another shape.
        """
        if self.kind == "label":
            return self._classes(context)
        if context.ndim != 2 or context.shape[1] != self.size:
            raise DataError(
                f"attributes have shape (B, {self.size}) here, got {tuple(context.shape)}; give "
                "those the model was trained with."
            )
        return self.embed(context) if self.embed else context

    def _classes(self, label: Tensor) -> Tensor:
        if label.ndim != 1 or label.is_floating_point():
            raise DataError(
                f"classes are whole numbers with shape (B,), got {label.dtype} with shape "
                f"{tuple(label.shape)}; give one for each example."
            )
        # a look at values makes every step wait for a GPU, and the data module has looked already
        if not torch.compiler.is_compiling() and label.device.type == "cpu" and len(label):
            low, high = int(label.min()), int(label.max())
            if low < 0 or high >= self.size:
                raise DataError(
                    f"a class is one of 0 to {self.size - 1}, got {low if low < 0 else high}; "
                    "give one that the model was trained with."
                )
        # sources keep classes in as few bytes as they fit into
        label = label.long()
        if self.embed:
            embedded: Tensor = self.embed(label)
            return embedded
        return nn.functional.one_hot(label, self.size).to(torch.get_default_dtype())
