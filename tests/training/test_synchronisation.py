"""A training step reads nothing back from the device: a GPU would have to be waited for.

Every value that Python reads from a tensor goes through aten::_local_scalar_dense (item, float,
bool, int) or a copy to the CPU, and whatever makes a tensor of a size that its values decide
(nonzero, boolean indexing) waits too. On the CPU they can be counted all the same; test_gpu.py has
CUDA itself count them.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from vae.training.loop import train
from vae.training.module import VAEModule

pytestmark = pytest.mark.slow

WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "_unique2", "unique_dim")


class Waits(TorchDispatchMode):
    """Keep the names of the operations that wait for the device."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in WAITS:
            self.found.append(name)
        # a boolean mask has as many elements as are true
        if name in ("index", "index_put_") and any(
            isinstance(i, torch.Tensor) and i.dtype == torch.bool for i in args[1]
        ):
            self.found.append(f"{name} by a mask")
        return func(*args, **(kwargs or {}))


# a class is checked against their number where that costs nothing, on the CPU alone, so that
# conditional models are missing here
CHOICES = [
    (),
    ("model/encoder=conv", "model/decoder=conv"),
    ("model/encoder=resnet", "model/decoder=resnet"),
    ("model/likelihood=gaussian",),
    ("model/likelihood=discretized_logistic",),
    ("model/likelihood=student_t",),
    ("model/prior=vampprior",),
    ("model/prior=flow",),
    ("model/posterior=iaf",),
    ("model/posterior=full_covariance_normal",),
    ("objective=iwae",),
    ("objective=dreg",),
    ("objective=free_bits",),
    ("objective=beta_tc",),
    ("objective=mmd",),
    ("objective=factor_vae",),
    ("objective=adversarial",),
    ("objective=beta", "objective/schedule=linear"),
    ("model=hierarchical",),
    ("model=ladder",),
]


@pytest.mark.parametrize("words", CHOICES, ids=lambda words: " ".join(words) or "default")
def test_a_step_between_logs_waits_for_nothing(tiny, monkeypatch, words):
    """From the batch on the device to the end of the step, Lightning's hooks included."""
    seen = []

    def start(self, batch, batch_idx):
        if batch_idx in (1, 3):
            seen.append(Waits())
            seen[-1].__enter__()

    def end(self, outputs, batch, batch_idx):
        if batch_idx in (1, 3):
            seen[-1].__exit__(None, None, None)

    monkeypatch.setattr(VAEModule, "looks_at_every_step", False)
    monkeypatch.setattr(VAEModule, "on_train_batch_start", start)
    monkeypatch.setattr(VAEModule, "on_train_batch_end", end)
    small = ("data=digits", "data.batch_size=16")
    train(tiny(*small, *words, "trainer.log_every_n_steps=3", steps=4))
    assert [waits.found for waits in seen] == [[], []]
