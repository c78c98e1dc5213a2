"""Numbers mean what they say, at the smallest sizes too."""

import csv
import json

import pytest
import torch
import yaml

from tests.commands import FAST, PICTURES
from vae.cli.command import compose
from vae.training.loop import train

pytestmark = pytest.mark.slow

QUIET = ("callbacks.pictures=null",)


def table(path):
    with path.open() as f:
        return list(csv.DictReader(f))


def test_the_score_is_the_elbo_whatever_the_checkpoint_is_picked_on(cli, tmp_path):
    """The worst job of a sweep was called its best, and a search was given it."""
    words = ["data=digits", *FAST, *QUIET, "callbacks.checkpoint.monitor=val/distortion"]
    words += ["callbacks.checkpoint.mode=min", "trainer.max_epochs=3", "data.val_size=100"]
    code, out, err = cli("-m", *words, "optimizer.lr=1e-5,1e-2", "hydra.sweep.dir=sweep")
    assert code == 0, err
    scores = {}
    for job in ("0", "1"):
        results = json.loads((tmp_path / "sweep" / job / "results.json").read_text())
        rows = table(tmp_path / "sweep" / job / "metrics.csv")
        best = max(float(r["val/elbo"]) for r in rows if r["val/elbo"])
        scores[job] = results["score"]
        assert scores[job] == pytest.approx(best, rel=1e-6)
    assert f"best: job {max(scores, key=scores.get)}" in out


def test_images_per_second_count_images(tiny):
    """Under accumulation it was ten times too high."""
    words = ("data=digits", "data.val_size=220", "trainer.max_epochs=4", *QUIET)
    found = []
    for accumulated in (1, 100):
        config = tiny(*words, f"trainer.accumulate_grad_batches={accumulated}", steps=10)
        config["run_dir"] = f"{config['run_dir']}{accumulated}"
        found.append(train(config).results.train)
    for one in found:
        assert one.images_per_second * one.seconds == pytest.approx(4 * 1280)
    assert [one.epochs for one in found] == [4, 4]


def test_a_sweep_names_the_options_that_were_swept(cli, tmp_path):
    words = ["data=digits", *FAST, *QUIET, "hydra.sweep.dir=sweep"]
    schedule = "optimizer/schedule=constant,cosine"
    code, _, err = cli("-m", *words, schedule, "hydra.sweep.subdir='a/${hydra.job.num}'")
    assert code == 0, err
    rows = table(tmp_path / "sweep" / "sweep.csv")
    assert [row["job"] for row in rows] == ["a/0", "a/1"]
    assert [row["optimizer/schedule"] for row in rows] == ["constant", "cosine"]
    assert not {"optimizer.schedule.final", "optimizer.schedule.warmup"} & set(rows[0])


def test_a_sweep_over_data_names_the_option(tmp_path):
    from vae.cli.sweeps.jobs import read_jobs

    for i, word in enumerate(("mnist", "digits")):
        (tmp_path / str(i)).mkdir()
        config = compose(f"data={word}", f"run_dir={tmp_path / str(i)}")
        (tmp_path / str(i) / "config.yaml").write_text(yaml.safe_dump(config))
    assert [job.swept for job in read_jobs(tmp_path)] == [{"data": "mnist"}, {"data": "digits"}]


ONES = [
    ("model.latent_dim=1",),
    ("model.latent_dim=1", "model/posterior=full_covariance_normal"),
    ("model.latent_dim=1", "model/posterior=iaf"),
    ("model.latent_dim=1", "model/prior=flow"),
    ("model/prior=mixture_of_gaussians", "model.prior.components=1"),
    ("model/prior=vampprior", "model.prior.components=1"),
    ("objective=iwae", "objective.num_samples=1"),
    ("objective=miwae", "objective.groups=1", "objective.group_size=1"),
    ("evaluate.num_samples=1",),
    ("data.batch_size=1",),
    ("data.eval_batch_size=1",),
    ("data.val_size=1",),
    ("model.encoder.hidden=[1]", "model.decoder.hidden=[1]"),
    ("model/encoder=conv", "model.encoder.channels=[1]", "model.encoder.hidden=[]"),
    ("model.latent_dim=1", "evaluate.surgery=50", "evaluate.probe=50"),
]


@pytest.mark.parametrize("words", ONES, ids=" ".join)
def test_an_axis_of_length_one_is_an_axis(tiny, words):
    results = train(tiny("data=digits", *words, PICTURES, "callbacks.pictures.count=2")).results
    assert results.test["elbo"].value < 0
    assert results.latents.latent_dim == len(results.latents.variance)


@pytest.mark.parametrize("shape", [(30, 1, 5), (30, 5, 1), (30, 1, 1), (30, 1, 4, 4)])
def test_an_image_may_be_a_pixel_high(tiny, tmp_path, shape):
    import numpy as np

    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    words = ("data=arrays", f"data.root={tmp_path / 'x.npy'}", *QUIET)
    assert train(tiny(*words)).results.complete


def test_samples_in_full_covariance_are_of_full_precision_under_autocast():
    from vae.model.distributions.full_normal import FullNormal

    torch.manual_seed(0)
    factor = torch.randn(6, 6).tril()
    factor.diagonal().exp_()
    q = FullNormal(torch.randn(5, 6), factor.expand(5, 6, 6))
    plain = q.rsample(torch.Size([7]))
    torch.manual_seed(0)
    torch.randn(6, 6), torch.randn(5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = q.rsample(torch.Size([7]))
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, plain, rtol=1e-6, atol=1e-6)


def test_a_dequantised_pixel_is_below_one():
    from vae.data.pixels import Pixels

    white = torch.full((4000, 1, 16, 16), 255, dtype=torch.uint8)
    pixels = Pixels("none", True)
    for x in (pixels(white), pixels(white, torch.arange(4000))):
        assert float(x.max()) < 1


def test_samples_are_decoded_within_their_memory():
    from torch.utils._python_dispatch import TorchDispatchMode

    from vae.config import build as config_build
    from vae.reporting import views

    class Largest(TorchDispatchMode):
        most = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            found = func(*args, **(kwargs or {}))
            if isinstance(found, torch.Tensor) and "cat" not in str(func):
                self.most = max(self.most, found.numel() * found.element_size())
            return found

    config = compose("model/encoder=conv", "model/decoder=conv", "model.decoder.channels=[64,32]")
    model = config_build.build_model(config, (1, 32, 32)).eval()
    with torch.no_grad(), Largest() as seen:
        assert len(model.sample(2000, memory=8)) == 2000
    assert seen.most < 9e6
    with Largest() as seen:
        views.decoded(model, torch.randn(2000, 32), memory=8)
    assert seen.most < 9e6


def test_a_few_test_images_and_odd_labels_are_evaluated(tmp_path):
    """Fewer than 20 test images, a class of -1, two training images to look at."""
    import numpy as np

    from vae.evaluation.evaluate import evaluate

    images = np.random.default_rng(0).integers(0, 256, (40, 6, 6), np.uint8)
    for name, count in (("few", 40), ("many", 40)):
        labels = np.arange(count) % 2 * 2 - 1
        test = {"x_test": images[:5], "y_test": labels[:5]}
        many = {"x_test": images, "y_test": labels}
        np.savez(
            tmp_path / f"{name}.npz", x_train=images, y_train=labels, **(test, many)[name == "many"]
        )
        words = ("data=arrays", f"data.root={tmp_path / f'{name}.npz'}", *QUIET)
        run = train(compose(*FAST, *words, f"run_dir={tmp_path / name}"))
        quick = ("num_samples=2", "fid=100", "surgery=5", "probe=10", "pictures=0")
        found = evaluate(compose(f"run={run.directory}", *quick, name="evaluate"))
        assert (found.samples is not None) == (name == "many")
    from vae.metrics.probes import knn_accuracy

    two = torch.tensor([[0.0], [1.0]])
    assert knn_accuracy(two, torch.tensor([0, 1]), two, torch.tensor([0, 1])).num_examples == 2
