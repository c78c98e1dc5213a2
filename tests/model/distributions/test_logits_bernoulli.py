import numpy as np
import torch
from scipy.special import expit

from vae.model.distributions.logits_bernoulli import LogitsBernoulli


def test_equals_its_formula_in_value_and_gradient_for_any_logit():
    logits = torch.linspace(-90, 90, 721, dtype=torch.float64, requires_grad=True)
    for x in (0.0, 1.0):
        sign = 2 * x - 1
        log_px = LogitsBernoulli(logits=logits).log_prob(torch.tensor(x, dtype=torch.float64))
        (gradient,) = torch.autograd.grad(log_px.sum(), logits)
        toward = sign * logits.detach().numpy()
        expected = torch.from_numpy(-np.logaddexp(0, -toward))
        torch.testing.assert_close(log_px.detach(), expected, rtol=1e-13, atol=0)
        torch.testing.assert_close(
            gradient, torch.from_numpy(sign * expit(-toward)), rtol=1e-12, atol=0
        )


def test_values_and_logits_broadcast():
    log_px = LogitsBernoulli(logits=torch.zeros(3, 1, 4)).log_prob(torch.ones(5, 4))
    assert log_px.shape == (3, 5, 4)
    torch.testing.assert_close(log_px.exp(), torch.full((3, 5, 4), 0.5))
