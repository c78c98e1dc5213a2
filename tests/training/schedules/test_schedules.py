import pytest
import torch

from vae.training.schedules.constant import Constant
from vae.training.schedules.cosine import Cosine
from vae.training.schedules.one_cycle import OneCycle


def test_one_cycle_is_torchs():
    steps = 200
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    torchs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=steps + 1, pct_start=0.3, final_div_factor=400
    )
    ours = OneCycle(warmup=0.3, div=25, final_div=10_000)
    for step in range(steps):
        # torch's peak is a step early
        assert ours(step / steps) == pytest.approx(torchs.get_last_lr()[0], abs=0.02)
        optimizer.step()
        torchs.step()


def test_cosine_meets_its_corners():
    schedule = Cosine(warmup=0.2, final=0.1)
    assert [schedule(t) for t in (0, 0.1, 0.2, 0.6, 1.0)] == pytest.approx([0, 0.5, 1, 0.55, 0.1])
    assert Cosine()(0) == 1


def test_constant_is_one():
    assert {Constant()(t) for t in (0, 0.5, 1)} == {1.0}


@pytest.mark.parametrize("kind", [OneCycle, Cosine])
def test_a_warmup_of_all_training_is_refused(kind):
    with pytest.raises(ValueError, match="0 <= warmup < 1"):
        kind(warmup=1.0)
