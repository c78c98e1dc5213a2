"""The Student-t likelihood keeps its digits for any degrees of freedom."""

import pytest
import torch
from scipy.stats import t

from vae.model.likelihoods.student_t import StudentT


@pytest.mark.parametrize("df", [2.5, 5.0, 100.0, 1e4, 1e6])
def test_float32_is_within_a_ten_thousandth_of_a_nat_an_image(df):
    """Against scipy in float64, 784 pixels; all errors of a normaliser have one sign."""
    torch.manual_seed(0)
    features, x = torch.rand(3, 1, 28, 28), torch.rand(3, 1, 28, 28)
    p = StudentT((1, 28, 28), df=df, scale=0.2)(features)
    exact = t.logpdf(x.double(), df, features.double(), 0.2).sum((1, 2, 3))
    assert p.log_prob(x).tolist() == pytest.approx(exact.tolist(), abs=2e-4)


def test_a_learned_df_has_the_gradient_of_torch():
    likelihood = StudentT((1, 4, 4)).double()
    features, x = torch.rand(3, 1, 4, 4).double(), torch.rand(3, 1, 4, 4).double()
    likelihood(features).log_prob(x).sum().backward()
    ours = likelihood.raw_df.grad.clone()
    raw = likelihood.raw_df.detach().clone().requires_grad_()
    df = torch.nn.functional.softplus(raw) + 2
    _, scale = likelihood.loc_and_scale(features)
    theirs = torch.distributions.StudentT(df.expand_as(features), features, scale.detach())
    theirs.log_prob(x).sum().backward()
    assert float(ours) == pytest.approx(float(raw.grad), rel=1e-9)
