"""The distribution that an ordinary differential equation makes of a standard normal one."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution

Shape = torch.Size | list[int] | tuple[int, ...]
# above, the trace is estimated
EXACT = 64


class ProbabilityFlow(Distribution):
    r"""Where dz/dt = f(z, t) takes noise of t = 1, at t = 0.

    .. math:: \log p(z) = \log N(z_1 \mid 0, I) + \int_0^1 tr \frac{\partial f}{\partial z} dt,
        \quad z_0 = z

    By Runge and Kutta's method of fourth order with steps of the same size. Up to 64 dimensions
    the trace is exact; above, it is Hutchinson's estimate v^T (df/dz) v with one vector v of signs
    for each z, whose mean is the trace.

    Arguments:
        field: z with shape (N, D), and t with shape (), to dz/dt with shape (N, D).
        shift: What stands for 0, with shape (D,): f is of (z - shift) / scale.
        scale: What stands for 1, with shape (D,).
        steps: The number of steps.

    References:
        Score-Based Generative Modeling through SDEs (Song et al., 2021), section 4.3 and eq. 39
    """

    def __init__(
        self, field: Callable[[Tensor, Tensor], Tensor], shift: Tensor, scale: Tensor, steps: int
    ):
        self.field, self.shift, self.scale, self.steps = field, shift, scale, steps
        super().__init__(torch.Size(), shift.shape, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, in nats, up to the error of the steps; no gradient."""
        # what is made in inference mode takes no part in a gradient
        with torch.inference_mode(False), torch.no_grad():
            return self._log_prob(value.clone())

    def _log_prob(self, value: Tensor) -> Tensor:
        start = ((value - self.shift) / self.scale).reshape(-1, *self.event_shape)
        directions = self.directions(start)

        def moves(z: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            with torch.enable_grad():
                z = z.detach().requires_grad_()
                f = self.field(z, t)
            (rows,) = torch.autograd.grad(f, z, directions, is_grads_batched=True)
            return f.detach(), (rows * directions).sum((0, -1))

        end, trace = integrate(moves, start, 0.0, 1.0, self.steps)
        normal = -(end.square().sum(-1) + end.shape[-1] * math.log(2 * math.pi)) / 2
        return (normal + trace - self.scale.log().sum()).reshape(value.shape[:-1])

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        r"""z with shape (\*sample_shape, D)."""
        shape = (*sample_shape, *self.event_shape)
        noise = torch.randn(shape, dtype=self.shift.dtype, device=self.shift.device)
        with torch.no_grad():
            return self.inverse(noise.reshape(-1, *self.event_shape)).reshape(shape)

    def inverse(self, noise: Tensor) -> Tensor:
        """z with shape (N, D), for noise of that shape."""

        def moves(z: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            return self.field(z, t), z.new_zeros(())

        return self.shift + self.scale * integrate(moves, noise, 1.0, 0.0, self.steps)[0]

    def directions(self, z: Tensor) -> Tensor:
        """Vectors v whose v^T A v sum to the trace of A, with shape (V, N, D)."""
        if z.shape[-1] <= EXACT:
            each = torch.eye(z.shape[-1], dtype=z.dtype, device=z.device)
            return each[:, None].expand(-1, *z.shape)
        return torch.randint_like(z, 2).mul_(2).sub_(1)[None]


def integrate(
    moves: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    z: Tensor,
    first: float,
    last: float,
    steps: int,
) -> tuple[Tensor, Tensor]:
    """z at the last time, and the integral of what `moves` gives beside dz/dt.

    Arguments:
        moves: z and t to dz/dt, and the rate of the integral.
        z: At the first time.
        first: The first time.
        last: The last time.
        steps: The number of steps.
    """
    h = (last - first) / steps
    total = z.new_zeros(())
    for n in range(steps):
        t = z.new_tensor(first + n * h)
        a, da = moves(z, t)
        b, db = moves(z + h / 2 * a, t + h / 2)
        c, dc = moves(z + h / 2 * b, t + h / 2)
        d, dd = moves(z + h * c, t + h)
        z = z + h / 6 * (a + 2 * b + 2 * c + d)
        total = total + h / 6 * (da + 2 * db + 2 * dc + dd)
    return z, total
