"""Every setting does something, and numbers mean what they say."""

import csv
import json
import os
import subprocess
import sys

import pytest
import torch
import yaml

import vae
from tests.commands import FAST
from vae.cli.command import compose
from vae.training.loop import train

pytestmark = pytest.mark.slow

QUIET = ("callbacks.pictures=null",)


def table(path):
    with path.open() as f:
        return list(csv.DictReader(f))


# what a run keeps


def test_the_best_of_three_is_tested_and_loaded(tiny, monkeypatch):
    """With save_top_k=3 all went to one file, the latest on top."""
    from vae.metrics.estimate import Means

    scores = iter([-150.0, -100.0, -120.0, -110.0])
    compute = Means.compute

    def scored(self):
        found, score = compute(self), next(scores, None)
        return found if score is None else found | {"elbo": found["elbo"]._replace(value=score)}

    monkeypatch.setattr(Means, "compute", scored)
    words = ("+callbacks.checkpoint.save_top_k=3", "trainer.max_epochs=4", "data=digits")
    result = train(tiny(*words, *QUIET))
    kept = sorted((result.directory / "checkpoints").glob("best*.ckpt"))
    assert len(kept) == 3
    best = torch.load(result.results.checkpoint, weights_only=True)
    assert best["epoch"] == 1
    assert result.results.score == -100.0
    loaded = vae.load(result.directory)
    for name, value in loaded.state_dict().items():
        assert torch.equal(best["state_dict"][f"model.{name}"], value)


@pytest.mark.parametrize("name", ["mybest", "'e{epoch}-{val/elbo:.1f}'"])
def test_a_checkpoint_of_another_name_is_what_evaluate_takes(tiny, name):
    words = (f"callbacks.checkpoint.filename={name}", "trainer.max_epochs=2", "data=digits")
    result = train(tiny(*words, "optimizer.lr=0.01", *QUIET))
    from vae.runs.find import find_checkpoint

    assert str(find_checkpoint(result.directory)) == result.results.checkpoint
    assert find_checkpoint(result.directory).name not in ("best.ckpt", "last.ckpt")
    # also while it is not known yet
    (result.directory / "results.json").unlink()
    assert str(find_checkpoint(result.directory)) == result.results.checkpoint


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (("trainer.max_epochs=3", "trainer.check_val_every_n_epoch=5"), 30),
        (("trainer.max_epochs=7", "trainer.check_val_every_n_epoch=5"), 70),
        (("trainer.max_epochs=1", "trainer.val_check_interval=4"), 10),
        (("trainer.max_epochs=-1", "trainer.max_steps=13"), 13),
        (("trainer.max_epochs=-1", "trainer.max_steps=13", "callbacks=ema"), 13),
        (("trainer.max_epochs=2", "trainer.accumulate_grad_batches=4"), 6),
    ],
)
def test_the_last_checkpoint_is_the_last_step_trained(tiny, words, steps):
    result = train(tiny("data=digits", "data.val_size=220", *words, *QUIET, steps=10))
    last = torch.load(result.directory / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == result.results.train.steps == steps


def test_the_last_checkpoint_is_the_last_step_when_the_time_is_up(tiny):
    words = ("trainer.max_epochs=-1", "trainer.max_time='00:00:00:02'")
    result = train(tiny("data=digits", *words, *QUIET, steps=10))
    last = torch.load(result.directory / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == result.results.train.steps > 10


# numbers


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
    results = train(tiny("data=digits", *words, "callbacks.pictures.count=2")).results
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


# Lightning's own


def test_a_batch_size_is_found(tiny):
    target = "+callbacks.find._target_=lightning.pytorch.callbacks.BatchSizeFinder"
    words = ("+callbacks.find.max_trials=2", "+callbacks.find.init_val=16")
    assert train(tiny("data=digits", target, *words, *QUIET, steps=20)).results.complete


def test_a_finder_that_needs_divergence_is_refused(tiny):
    from vae.errors import ConfigError

    target = "+callbacks.find._target_=lightning.pytorch.callbacks.LearningRateFinder"
    config = tiny("data=digits", target)
    with pytest.raises(ConfigError, match="try rates instead"):
        train(config)


@pytest.mark.parametrize("profiler", ["simple", "advanced"])
def test_a_profiler_that_was_asked_for_is_heard(profiler, tmp_path):
    words = ["data=digits", *FAST, *QUIET, f"trainer.profiler={profiler}", "run_dir=mine"]
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Profiler Report" in done.stdout + done.stderr or "Profile stats" in (
        done.stdout + done.stderr
    )


# the command line


def test_settings_of_hydra_reach_the_recorded_command(cli, tmp_path):
    (tmp_path / "more" / "optimizer").mkdir(parents=True)
    (tmp_path / "more" / "optimizer" / "mine.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.1")
    search = f"hydra.searchpath=[file://{tmp_path / 'more'}]"
    code, _, err = cli("data=digits", *FAST, *QUIET, search, "optimizer=mine", "run_dir=mine")
    assert code == 0, err
    assert search in json.loads((tmp_path / "mine" / "results.json").read_text())["command"]


def test_settings_of_hydra_reach_the_processes_of_ddp(cli, tmp_path):
    (tmp_path / "more" / "optimizer").mkdir(parents=True)
    (tmp_path / "more" / "optimizer" / "mine.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.1")
    words = ["data=digits", *FAST, *QUIET, f"hydra.searchpath=[file://{tmp_path / 'more'}]"]
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", *words, "optimizer=mine", "trainer=ddp"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_variables_of_wandb_count_where_the_command_says_nothing(monkeypatch):
    for name, value in (("PROJECT", "p"), ("NAME", "n"), ("TAGS", "a,b"), ("JOB_TYPE", "j")):
        monkeypatch.setenv(f"WANDB_{name}", value)
    node = compose("logger=wandb")["logger"]["wandb"]
    assert (node["project"], node["name"], node["job_type"]) == ("p", "n", "j")
    monkeypatch.setenv("WANDB_MODE", "offline")
    from vae.training import build

    (log,) = (
        x for x in build.build_loggers(compose("logger=wandb")) if type(x).__name__ == "WandB"
    )
    assert "tags" not in log._wandb_init
    again = compose("logger=wandb", "logger.wandb.project=mine", "logger.wandb.tags=[c]")
    assert again["logger"]["wandb"]["project"] == "mine"


def test_compose_works_inside_a_hydra_application(tmp_path):
    program = (
        "import hydra\n"
        "from vae import compose\n"
        "from vae.training.loop import train\n"
        "@hydra.main(version_base=None, config_path=None)\n"
        "def main(config):\n"
        f"    words = {[*FAST, *QUIET, 'data=digits', f'run_dir={tmp_path}/mine']}\n"
        "    found = train(compose(*words)).results\n"
        "    assert found.command == '', found.command\n"
        "    from hydra.core.hydra_config import HydraConfig\n"
        "    assert HydraConfig.get().job.name == 'app'\n"
        "    assert 'x' in config\n"
        "main()\n"
    )
    (tmp_path / "app.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "app.py", "+x=1"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_class_of_the_users_own_is_allowed_everywhere(tmp_path, monkeypatch):
    """In loggers, schedules and the trainer's parts too."""
    (tmp_path / "minepkg.py").write_text(
        "from lightning.pytorch.loggers import CSVLogger\n"
        "from lightning.pytorch.profilers import SimpleProfiler\n"
        "from vae.training.schedules.constant import Constant\n"
        "class Log(CSVLogger): pass\n"
        "class Prof(SimpleProfiler): pass\n"
        "class Same(Constant): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    words = (
        "allow=[minepkg]",
        "+logger.own._target_=minepkg.Log",
        f"+logger.own.save_dir={tmp_path / 'log'}",
        "optimizer.schedule._target_=minepkg.Same",
        "trainer.profiler={_target_:minepkg.Prof}",
    )
    run_dir = f"run_dir={tmp_path / 'mine'}"
    assert train(compose("data=digits", *FAST, *QUIET, *words, run_dir)).results.complete


# output


@pytest.mark.parametrize("how", ["ascii", "closed", "broken pipe", "help"])
def test_output_never_ends_a_run(tmp_path, how):
    words = ["data=digits", *FAST, *QUIET, "run_dir=mine"]
    command = f"{sys.executable} -m vae.train {' '.join(words)}"
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    if how == "ascii":
        env |= {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
        command += " > out.txt"
    elif how == "closed":
        command += " >&-"
    elif how == "help":
        command = f"set -o pipefail; {sys.executable} -m vae.train --help | true"
    else:
        command = f"set -o pipefail; {command} | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    if how != "help":
        assert (tmp_path / "mine" / "report.html").is_file()


def test_no_home_is_no_trouble(tmp_path):
    env = {k: v for k, v in os.environ.items() if k != "HOME"}
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", "data=digits", *FAST, *QUIET, "run_dir=mine"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# a model of the user's own


def test_own_parts_without_a_start_are_told_so(tmp_path, monkeypatch):
    from vae.errors import ConfigError

    (tmp_path / "minenet.py").write_text(
        "from torch import nn\n"
        "import math\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self, in_shape: tuple, out_shape: tuple):\n"
        "        super().__init__(nn.Linear(math.prod(in_shape), math.prod(out_shape)),\n"
        "                         nn.Unflatten(1, out_shape))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ("data=digits", *FAST, *QUIET, "allow=[minenet]", f"run_dir={tmp_path / 'mine'}")
    config = compose(*words)
    config["model"]["decoder"] = {"_target_": "minenet.Net"}
    with pytest.raises(ConfigError, match="needs start_at, which Net does not have"):
        train(config)
    assert not (tmp_path / "mine" / "config.yaml").exists()
    config["model"]["output_bias"] = "zero"
    assert train(config).results.complete


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
