import numpy as np
import torch
from scipy import stats

from vae.data.noise import uniform


def test_equals_splitmix64():
    """The reference generator, in Python's integers."""
    mask = (1 << 64) - 1

    def mix(x):
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        return x ^ (x >> 31)

    gamma = 0x9E3779B97F4A7C15
    start = mix((42 + gamma) & mask)
    for example in (0, 7, 123_456):
        expected = [
            (mix((start + (example * 4 + pixel + 1) * gamma) & mask) >> 40) / 2**24
            for pixel in range(4)
        ]
        drawn = uniform(42, torch.tensor([example]), (1, 2, 2)).flatten().tolist()
        assert drawn == expected


def test_is_uniform_and_uncorrelated():
    u = uniform(0, torch.arange(2000), (1, 10, 10)).flatten(1).double()
    assert u.min() >= 0
    assert u.max() < 1
    assert stats.kstest(u.flatten(), "uniform").pvalue > 1e-3
    others = uniform(1, torch.arange(2000), (1, 10, 10)).flatten(1).double()
    for a, b in ((u[1:], u[:-1]), (u[:, 1:], u[:, :-1]), (u, others)):
        assert abs(np.corrcoef(a.flatten(), b.flatten())[0, 1]) < 4 / 2000**0.5 / 10


def test_depends_on_the_example_and_not_on_its_batch():
    whole = uniform(3, torch.arange(10), (1, 4, 4))
    order = torch.tensor([7, 2, 2])
    assert torch.equal(uniform(3, order, (1, 4, 4)), whole[order])
