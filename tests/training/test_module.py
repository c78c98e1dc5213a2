import lightning
import pytest
import torch

from vae.cli.command import compose
from vae.config import build as config_build
from vae.errors import DataError, NonFiniteLoss
from vae.evaluation import trainer as trainers
from vae.training import build
from vae.training.loop import train
from vae.training.module import VAEModule

pytestmark = pytest.mark.slow


def test_overfitting_one_batch_drives_the_distortion_down(tiny):
    result = train(
        tiny(
            "trainer.overfit_batches=1",
            "trainer.max_epochs=150",
            "trainer.check_val_every_n_epoch=150",
            "data.batch_size=16",
            "data.binarize=threshold",
            "optimizer.lr=2e-3",
        )
    )
    rows = read_metrics(result)
    distortion = [float(r["train/distortion"]) for r in rows if r["train/distortion"]]
    assert distortion[-1] < 0.5 * distortion[0]
    assert len(distortion) == 150


def read_metrics(result):
    import csv

    with (result.directory / "metrics.csv").open() as f:
        return list(csv.DictReader(f))


def numbers(result):
    test = {name: e.value for name, e in result.results.test.items()}
    weights = torch.cat([p.detach().flatten() for p in result.model.parameters()])
    return test, weights


def test_the_same_seed_gives_the_same_numbers_and_another_gives_others(tiny, tmp_path):
    runs = [
        numbers(train(tiny(f"seed={seed}", f"run_dir={tmp_path / str(i)}", steps=5)))
        for i, seed in enumerate((0, 0, 1))
    ]
    assert runs[0][0] == runs[1][0]
    assert torch.equal(runs[0][1], runs[1][1])
    assert runs[0][0] != runs[2][0]
    assert not torch.equal(runs[0][1], runs[2][1])


def test_training_validation_and_test_log_the_same_three(tiny):
    rows = read_metrics(train(tiny()))
    logged = {name for name in rows[0] if any(row[name] for row in rows)}
    for split in ("train", "val", "test"):
        assert {f"{split}/elbo", f"{split}/rate", f"{split}/distortion"} <= logged
    for row in rows:
        for split in ("train", "val", "test"):
            if row[f"{split}/elbo"]:
                total = float(row[f"{split}/rate"]) + float(row[f"{split}/distortion"])
                assert float(row[f"{split}/elbo"]) == pytest.approx(-total, rel=1e-5)


def test_logged_training_means_are_those_of_the_interval(tiny, tmp_path):
    """Steps logged one by one average to what is logged every four."""
    each = read_metrics(train(tiny(f"run_dir={tmp_path / 'a'}", steps=8)))
    words = (f"run_dir={tmp_path / 'b'}", "trainer.log_every_n_steps=4")
    fourth = read_metrics(train(tiny(*words, steps=8)))
    values = [float(r["train/elbo"]) for r in each if r["train/elbo"]]
    means = [float(r["train/elbo"]) for r in fourth if r["train/elbo"]]
    assert means == pytest.approx([sum(values[:4]) / 4, sum(values[4:]) / 4], rel=1e-5)


def test_accumulated_batches_all_count_in_the_logged_means(tiny, tmp_path):
    each = read_metrics(train(tiny(f"run_dir={tmp_path / 'a'}", "optimizer.lr=0.0", steps=6)))
    words = (f"run_dir={tmp_path / 'b'}", "optimizer.lr=0.0", "trainer.accumulate_grad_batches=3")
    third = read_metrics(train(tiny(*words, steps=6)))
    values = [float(r["train/elbo"]) for r in each if r["train/elbo"]]
    means = [float(r["train/elbo"]) for r in third if r["train/elbo"]]
    assert means == pytest.approx([sum(values[:3]) / 3, sum(values[3:]) / 3], rel=1e-5)


def test_a_device_that_is_looked_at_now_and_then_still_names_the_first_bad_step(tiny, monkeypatch):
    from vae.model.likelihoods.bernoulli import Bernoulli

    calls = 0
    forward = Bernoulli.forward

    def spoiled(self, features):
        nonlocal calls
        calls += self.training
        return forward(self, features * float("nan") if self.training and calls == 2 else features)

    monkeypatch.setattr(Bernoulli, "forward", spoiled)
    # as on a GPU, which would wait at every look
    monkeypatch.setattr(VAEModule, "looks_at_every_step", False)
    config = tiny("trainer.log_every_n_steps=4", steps=6)
    with pytest.raises(NonFiniteLoss, match="step 1 gave distortion nan; no epoch was finished"):
        train(config)
    assert calls == 4, "it was looked at when it was logged"


def test_a_loss_that_is_not_finite_stops_at_its_step_and_keeps_the_last_good_checkpoint(
    tiny, monkeypatch
):
    from vae.model.likelihoods.bernoulli import Bernoulli

    calls = 0
    forward = Bernoulli.forward

    def spoiled(self, features):
        nonlocal calls
        calls += self.training
        return forward(self, features * float("nan") if self.training and calls == 6 else features)

    monkeypatch.setattr(Bernoulli, "forward", spoiled)
    config = tiny("trainer.max_epochs=3", steps=4)
    with pytest.raises(
        NonFiniteLoss, match=r"step 5 gave distortion nan; the checkpoint of epoch 1 is kept"
    ):
        train(config)
    checkpoint = torch.load(f"{config['run_dir']}/checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 4
    assert all(v.isfinite().all() for v in checkpoint["state_dict"].values())


def test_weights_that_are_not_finite_are_never_kept(tiny, monkeypatch):
    config = tiny("optimizer.lr=1e38", "trainer.max_epochs=3", steps=1)
    with pytest.raises(NonFiniteLoss):
        train(config)
    from pathlib import Path

    for path in Path(config["run_dir"]).rglob("*.ckpt"):
        state = torch.load(path, weights_only=True)["state_dict"]
        assert all(v.isfinite().all() for v in state.values())


def test_pixels_outside_the_support_are_refused(tiny, monkeypatch):
    from vae.data.pixels import Pixels

    monkeypatch.setattr(Pixels, "__call__", lambda self, pixels, index=None: pixels.float() / 255)
    with pytest.raises(DataError, match=r"Bernoulli explains .* from 0 to 1; set data.binarize"):
        train(tiny())


def test_gradient_clipping_bounds_the_step(tiny):
    sgd = ("optimizer._target_=torch.optim.SGD", "~optimizer.betas", "~optimizer.eps")
    words = (*sgd, "optimizer.lr=0.5", "trainer.gradient_clip_val=0.01", "model.output_bias=zero")
    config = tiny(*words, steps=1)
    lightning.seed_everything(0, verbose=False)
    start = build.build_module(config, config_build.build_data(config)).model.parameters()
    end = train(config).model.parameters()
    moved = torch.cat([(b - a).flatten() for a, b in zip(start, end, strict=True)]).norm().item()
    assert moved == pytest.approx(0.5 * 0.01, rel=1e-3)


def test_a_fused_step_gives_way_where_it_could_not_be_clipped():
    config = compose("trainer.gradient_clip_val=0.5", "trainer.precision=16-mixed")
    data = config_build.build_data(config)
    module = build.build_module(config, data)
    optimizer = module.optimizer(module.parameters())
    assert optimizer.param_groups[0]["fused"] is False
    plain = build.build_module(compose(), data).optimizer(module.parameters())
    assert plain.param_groups[0]["fused"] is True


def test_convolutions_are_laid_out_for_the_cpu_and_load_anywhere(tiny):
    config = tiny("model/encoder=conv", "model/decoder=conv")
    data = config_build.build_data(config)
    module = build.build_module(config, data)
    x = data.examples(5)
    before = module.model.encoder(x)
    trainer = trainers.build_trainer(config, [], [])
    trainer.test(module, datamodule=data, verbose=False)
    weights = [p for p in module.parameters() if p.dim() == 4]
    assert weights
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in weights)
    torch.testing.assert_close(module.model.encoder(x), before)
    plain = build.build_module(config, data)
    plain.load_state_dict(module.state_dict())
    torch.testing.assert_close(plain.model.encoder(x), before)


def test_nothing_is_profiled_unless_asked(tiny):
    from vae.evaluation.trainer import Silent

    config = tiny()
    assert isinstance(trainers.build_trainer(config, [], []).profiler, Silent)
    config["trainer"]["profiler"] = "simple"
    assert not isinstance(trainers.build_trainer(config, [], []).profiler, Silent)
