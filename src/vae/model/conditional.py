"""What a model knows of each example beside x."""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

from vae.errors import DataError
from vae.model.capabilities import has_trait
from vae.model.condition import Condition

C = TypeVar("C", bound="ConditionalModel")


class ConditionalModel(nn.Module):
    """A model that may be given a context of each example, and then is p(x, z|c).

    Whatever is written for a model without one holds for `model.given(context)` too.
    """

    # the part that model/prior chooses
    top_prior: str
    decoder: nn.Module
    # what makes c of a class or of attributes, and c itself, with shape (B, C)
    condition: Condition | None
    context: Tensor | None

    def given(self: C, context: Tensor | None) -> C:
        """This model of examples of which more is known: p(x, z|c) and q(z|x, c).

        A model without a condition is itself, whatever is known. What is given shares all weights.

        Arguments:
            context: The classes, with shape (B,), or the attributes, with shape (B, A), of as many
                examples as are encoded or decoded; or of one, for any number.

        Raises:
            DataError: If it is missing, or not what the model was trained with.
        """
        if self.condition is None:
            return self
        if context is None:
            raise DataError(
                f"a model with model.condition={self.condition.kind} needs that of each example, "
                "got none; give it as model.given(...)."
            )
        weights = next(self.decoder.parameters())
        return self.given_embedded(self.condition(context.to(weights.device)))

    def given_embedded(self: C, context: Tensor) -> C:
        """This model given c itself, with shape (B, C)."""
        bound = copy.copy(self)
        bound.context = context
        return bound

    def rows(self: C, start: int, stop: int) -> C:
        """This model of some of the examples it is given the context of."""
        if self.context is None or len(self.context) == 1:
            return self
        return self.given_embedded(self.context[start:stop])

    def _context(self, shape: tuple[int, ...]) -> tuple[Tensor, ...]:
        r"""c of each example, with shape (\*shape, C); nothing of an unconditional model."""
        if self.condition is None:
            return ()
        if self.context is None:
            raise DataError(
                f"a model with model.condition={self.condition.kind} is of p(x|c), got no c; say "
                "which with model.given(...)."
            )
        c = self.context.to(next(self.decoder.parameters()).dtype)
        # an export's batches may have any size
        if not torch.compiler.is_compiling() and len(c) not in (1, shape[-1]):
            raise DataError(
                f"a context is given for each example, or one for all, got {len(c)} for "
                f"{shape[-1]}; give as many."
            )
        return (c.expand(*shape, c.shape[-1]),)

    @property
    def has_conditional_prior(self) -> bool:
        """Whether the prior is p(z|c)."""
        return has_trait(self.get_submodule(self.top_prior), "takes_context")

    def prior_context(self, examples: int | None = None) -> tuple[Tensor, ...]:
        """What p(z|c) takes of some examples, of each given context if None; else nothing."""
        if not self.has_conditional_prior:
            return ()
        count = examples or (1 if self.context is None else self.context.shape[0])
        return self._context((count,))
