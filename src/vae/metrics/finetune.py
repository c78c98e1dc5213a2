"""A tighter estimate of log p(x): a proposal fitted to each example."""

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from vae.model.families.vae import VAE
from vae.model.importance import Importance, importance
from vae.model.record import Record
from vae.objectives.sticking_the_landing import StickingTheLanding


def finetuned(
    model: VAE,
    x: Tensor,
    num_samples: int,
    steps: int = 200,
    learning_rate: float = 0.03,
    memory: float = 256,
) -> Importance:
    r"""Importance sampling with a normal proposal of full covariance fitted to each example.

    .. math:: (m, L) = \arg\max E_{z \sim N(m, L L^T)}[\log p(x, z) - \log N(z \mid m, L L^T)]

    The proposal starts at the mean and standard deviation of q(z|x) and climbs the ELBO by Adam;
    the samples of the estimate are fresh, so it stays a lower bound of log p(x) in expectation.
    What it gains over q(z|x) is the encoder's amortisation gap and that of its family. 200 steps
    of 8 samples are enough, where annealed importance sampling takes thousands of distributions
    with several gradients each. Climbing an importance-weighted bound instead was tried: its
    proposals varied more and were less effective.

    Arguments:
        model: The model, in evaluation mode.
        x: The examples, with shape (B, \*event_shape).
        num_samples: The number k of fresh samples for each.
        steps: The number of steps of Adam.
        learning_rate: Of Adam, in units of the posterior's standard deviation.
        memory: How much the fresh samples may occupy at once, in MB.

    References:
        Inference Suboptimality in Variational Autoencoders (Cremer et al., 2018), section 3
        Sticking the Landing (Roeder et al., 2017), section 3
    """
    with torch.no_grad():
        start = model.encode(x).sample(torch.Size([256]))
        loc, scale = start.mean(0), start.std(0).clamp_min(1e-4)
    shift = torch.zeros_like(loc).requires_grad_()
    factor = torch.zeros(*loc.shape, loc.shape[-1], dtype=loc.dtype, device=loc.device)
    factor.requires_grad_()

    def proposal() -> MultivariateNormal:
        # in units of the posterior's scale, so that one rate suits every dimension; float32 cannot
        # divide by a factor that is all but singular
        diagonal = factor.diagonal(dim1=-2, dim2=-1).clamp(-4, 4).exp()
        lower = factor.tril(-1) + torch.diag_embed(diagonal)
        return MultivariateNormal(
            loc + scale * shift, scale_tril=scale[..., None] * lower, validate_args=False
        )

    objective = StickingTheLanding(num_samples=8)
    optimizer = torch.optim.Adam([shift, factor], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    frozen = [p for p in model.parameters() if p.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            for _ in range(steps):
                q = proposal()
                z = q.rsample(torch.Size([objective.num_samples]))
                terms = objective(Record(x, q, z, model.latent_prior(), model.decode(z)))
                optimizer.zero_grad()
                # each example has parameters of its own
                (-terms.objective.sum()).backward()
                optimizer.step()
                schedule.step()
    finally:
        for parameter in frozen:
            parameter.requires_grad_()
    with torch.no_grad():
        return importance(model, x, num_samples, memory, proposal())
