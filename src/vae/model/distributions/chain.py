"""A distribution over several vectors, each given those drawn before it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vae.model.distributions.joint import Joint

Shape = torch.Size | list[int] | tuple[int, ...]
# the vectors drawn before, the last one first, to the distribution of the next
Step = Callable[[Sequence[Tensor]], Distribution]


class Chain(Joint):
    r"""A joint distribution by the chain rule, of vectors side by side in one.

    .. math:: \log p(z) = \log p(z_{o_1}) + \sum_{l > 1} \log p(z_{o_l} \mid z_{o_1}, \dots,
        z_{o_{l-1}})

    Arguments:
        sizes: The length of each vector, in their order in z.
        order: The order o in which they are drawn.
        first: The distribution of the first one drawn, with batch shape (\*) and event shape
            (sizes[order[0]],).
        steps: For each further one, those drawn before it, the last one first and each with shape
            (\*, size), to its distribution.
    """

    has_rsample = True

    def __init__(
        self, sizes: Sequence[int], order: Sequence[int], first: Distribution, steps: Sequence[Step]
    ):
        self.sizes, self.order = list(sizes), list(order)
        self.first, self.steps = first, list(steps)
        super().__init__(first.batch_shape, torch.Size([sum(sizes)]), validate_args=False)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """A sample without a gradient, with shape (*sample_shape, *batch_shape, D)."""
        with torch.no_grad():
            return self._drawn(lambda p, shape: p.sample(shape), torch.Size(sample_shape))[0]

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """A sample, with shape (*sample_shape, *batch_shape, D)."""
        return self._drawn(lambda p, shape: p.rsample(shape), torch.Size(sample_shape))[0]

    def rsample_and_log_prob(self, sample_shape: torch.Size) -> tuple[Tensor, Tensor]:
        """A sample and its log-density, in one pass through the steps."""
        z, given = self._drawn(lambda p, shape: p.rsample(shape), sample_shape)
        parts = [p.log_prob(v) for p, v in given]
        return z, torch.stack(parts).sum(0)

    def log_prob_of_each(self, value: Tensor) -> list[Tensor]:
        """The terms of log p(z), each with shape (*), in the vectors' order in z.

        Arguments:
            value: z, with shape (*, D).
        """
        vectors = value.split(self.sizes, dim=-1)
        terms: dict[int, Tensor] = {}
        before: list[Tensor] = []
        for place, step in zip(self.order, [None, *self.steps], strict=True):
            p = self.first if step is None else step(before)
            terms[place] = p.log_prob(vectors[place])
            before.insert(0, vectors[place])
        return list(torch.broadcast_tensors(*(terms[i] for i in range(len(self.sizes)))))

    def from_noise(self, noise: Tensor) -> Tensor:
        """A sample as a function of standard normal numbers, where every vector is normal.

        Arguments:
            noise: With shape (B, D).
        """
        pieces = iter(noise.split([self.sizes[i] for i in self.order], dim=-1))
        return self._drawn(lambda p, _: moved(p, next(pieces)), torch.Size())[0]

    def _drawn(
        self, draw: Callable[[Distribution, torch.Size], Tensor], sample_shape: torch.Size
    ) -> tuple[Tensor, list[tuple[Distribution, Tensor]]]:
        """z, and each distribution with what was drawn of it."""
        before = [draw(self.first, sample_shape)]
        given = [(self.first, before[0])]
        for step in self.steps:
            p = step(before)
            before.insert(0, draw(p, torch.Size()))
            given.append((p, before[0]))
        drawn = dict(zip(self.order, reversed(before), strict=True))
        return torch.cat([drawn[i] for i in range(len(self.sizes))], dim=-1), given


def moved(p: Distribution, noise: Tensor) -> Tensor:
    """A sample of a diagonal normal distribution by standard normal numbers."""
    one = normal(p)
    return one.loc + one.scale * noise


def normal(p: Distribution) -> Normal:
    """The numbers of a diagonal normal distribution as distributions."""
    assert isinstance(p, Independent)
    assert isinstance(p.base_dist, Normal)
    return p.base_dist
