"""A config of a few words cannot make this machine allocate what its weights do not have."""

import resource
import time

import pytest
import torch
from torch import nn

import vae
from vae.cli.command import compose
from vae.config import build as config_build
from vae.errors import RunError
from vae.model.budget import budget
from vae.training.loop import train

WEIGHTS = {"w": torch.zeros(1000)}


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(10_000, 10_000),
        lambda: torch.empty(10**9),
        lambda: torch.arange(10**9),
        lambda: torch.eye(10**5),
        lambda: torch.ones(10**5, 1) * torch.ones(10**5),
        lambda: torch.ones(10**5, 1) @ torch.ones(1, 10**5),
        lambda: torch.zeros(10).repeat(10**8),
        lambda: torch.tril_indices(10**5, 10**5),
        lambda: nn.Linear(10**5, 10**5),
        lambda: [nn.Sequential(*(nn.ReLU() for _ in range(10**4)))],
    ],
)
def test_what_is_too_large_is_refused_before_it_is_there(make):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    with pytest.raises(RunError, match="no larger than the weights"), budget(WEIGHTS):
        make()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert time.monotonic() - start < 5


def test_a_view_is_as_large_as_its_storage():
    with (
        pytest.raises(RunError),
        budget({"w": torch.zeros(1).expand(10**9)}),
    ):
        torch.zeros(10**8)


def test_hooks_are_gone_afterwards():
    with budget(WEIGHTS):
        nn.Linear(3, 3)
    assert nn.Linear(3000, 3000).weight.numel() == 9_000_000


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    words = ("data=digits", "trainer.limit_train_batches=2", "trainer.max_epochs=1")
    quick = ("evaluate.num_samples=2", "evaluate.surgery=0", "evaluate.probe=0")
    directory = tmp_path_factory.mktemp("runs") / "run"
    tiny = ("model.encoder.hidden=[8]", "model.decoder.hidden=[8]", "callbacks.pictures=null")
    run = train(compose(*words, *quick, *tiny, "trainer.accelerator=cpu", f"run_dir={directory}"))
    return torch.load(run.directory / "checkpoints" / "best.ckpt", weights_only=True)


BOMBS = [
    {"latent_dim": 20_000_000},
    {"encoder": {"hidden": [8] * 200_000}},
    {"encoder": {"hidden": [10**9]}},
    {
        "prior": {
            "_target_": "vae.model.priors.mixture_of_gaussians.MixtureOfGaussians",
            "components": 300_000_000,
        }
    },
    {"prior": {"_target_": "vae.model.priors.flow.Flow", "transforms": 1_000_000}},
    {"posterior": {"_target_": "vae.model.posteriors.iaf.IAF", "transforms": 1_000_000}},
    {"prior": {"_target_": "vae.model.priors.vampprior.VampPrior", "components": 10**8}},
]


@pytest.mark.parametrize("bomb", BOMBS, ids=str)
def test_a_checkpoint_is_no_bomb(small, tmp_path, bomb):
    content = {**small, "vae": {**small["vae"], "config": {**small["vae"]["config"]}}}
    model = dict(content["vae"]["config"]["model"])
    for name, value in bomb.items():
        old = model[name] if isinstance(value, dict) and "_target_" not in value else {}
        model[name] = {**old, **value} if isinstance(value, dict) else value
    content["vae"]["config"]["model"] = model
    torch.save(content, tmp_path / "bomb.ckpt")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    with pytest.raises(RunError, match="fit together"):
        vae.load(tmp_path / "bomb.ckpt")
    assert time.monotonic() - start < 10
    # in kilobytes
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


@pytest.mark.parametrize("event_shape", [[1, 100_000, 100_000], [10**9], [1] * 10_000])
def test_an_event_shape_is_no_bomb(small, tmp_path, event_shape):
    torch.save({**small, "vae": {**small["vae"], "event_shape": event_shape}}, tmp_path / "b.ckpt")
    with pytest.raises(RunError):
        vae.load(tmp_path / "b.ckpt")


@pytest.mark.parametrize(
    "words",
    [
        ("model/posterior=iaf", "model/prior=flow"),
        ("model/posterior=full_covariance_normal", "model/prior=vampprior"),
        ("model/encoder=resnet", "model/decoder=resnet", "model/likelihood=categorical"),
        ("model/prior=flow", "model.prior.kind=spline", "model.latent_dim=128"),
    ],
)
def test_every_honest_model_is_within_its_budget(words):
    config = compose(*words)
    weights = config_build.build_model(config, (1, 28, 28)).state_dict()
    with budget(weights):
        config_build.build_model(config, (1, 28, 28))
