"""A VAE whose log p(x) and true posterior are known exactly."""

import torch
from scipy import stats
from torch import nn

from vae.model import VAE
from vae.model.likelihoods.gaussian import Gaussian
from vae.model.posteriors.diagonal_normal import DiagonalNormal
from vae.model.priors.standard_normal import StandardNormal


class LinearGaussian:
    r"""p(z) = N(0, I), p(x|z) = N(W z + b, s^2 I) with the columns of W orthogonal.

    Then p(x) = N(b, W W^T + s^2 I), and p(z|x) is normal with the diagonal covariance
    (I + W^T W / s^2)^-1 and the mean covariance W^T (x - b) / s^2.
    """

    def __init__(self, dim_x=4, dim_z=2, scale=0.6):
        generator = torch.Generator().manual_seed(3)
        q, _ = torch.linalg.qr(torch.randn(dim_x, dim_z, generator=generator).double())
        self.w = q * torch.tensor([1.3, 0.7]).double()
        self.b = torch.randn(dim_x, generator=generator).double()
        variance = 1 / (1 + self.w.square().sum(0) / scale**2)
        decoder = nn.Linear(dim_z, dim_x)
        decoder.weight.data, decoder.bias.data = self.w, self.b
        encoder = nn.Linear(dim_x, 2 * dim_z)
        weight = variance[:, None] * self.w.T / scale**2
        encoder.weight.data = torch.cat([weight, torch.zeros_like(weight)])
        encoder.bias.data = torch.cat([-weight @ self.b, variance.log()])
        self.model = VAE(
            encoder,
            decoder,
            DiagonalNormal(dim_z),
            StandardNormal(dim_z),
            Gaussian((dim_x,), scale=scale),
        ).double()
        covariance = self.w @ self.w.T + scale**2 * torch.eye(dim_x).double()
        self.exact = stats.multivariate_normal(self.b.numpy(), covariance.numpy())
        self.x = torch.from_numpy(self.exact.rvs(8, random_state=0))

    def log_px(self):
        return torch.from_numpy(self.exact.logpdf(self.x.numpy()))

    def spoil_posterior(self):
        """Make q(z|x) too wide and off centre."""
        self.model.encoder.bias.data += torch.tensor([0.3, -0.2, 0.5, 0.4]).double()
