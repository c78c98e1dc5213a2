import torch
from scipy import stats

from vae.model.priors.standard_normal import StandardNormal


def test_log_prob_equals_scipy():
    z = torch.randn(7, 3, dtype=torch.float64)
    log_pz = StandardNormal(3).double()().log_prob(z)
    torch.testing.assert_close(log_pz, torch.from_numpy(stats.norm.logpdf(z).sum(-1)))


def test_leaves_no_trace_in_checkpoints():
    assert not StandardNormal(3).state_dict()
