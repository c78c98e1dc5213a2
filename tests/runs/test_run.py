"""A run explains itself: load, evaluate, generate, fit a prior."""

import contextlib
import json
import math
import random
import subprocess
import sys

import pytest
import torch
from PIL import Image

import vae
import vae.errors
from vae.cli.command import compose
from vae.errors import ConfigError, RunError
from vae.evaluation.evaluate import evaluate
from vae.reporting.generate import generate
from vae.runs.opened import open_run
from vae.runs.results import read_results
from vae.training.fit_prior import fit_prior
from vae.training.loop import train

pytestmark = pytest.mark.slow

SMALL = (
    "data=digits",
    "model.latent_dim=2",
    "model.encoder.hidden=[16]",
    "model.decoder.hidden=[16]",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "evaluate.num_samples=2",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of a VAE with a VampPrior, whose prior needs its encoder."""
    directory = tmp_path_factory.mktemp("runs") / "run"
    words = ("model/prior=vampprior", "model.prior.components=5", "callbacks=ema")
    return train(compose(*SMALL, *words, "callbacks.pictures=null", f"run_dir={directory}"))


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "ae"
    words = ("model/posterior=delta", "objective=reconstruction")
    return train(compose(*SMALL, *words, f"run_dir={directory}"))


@torch.no_grad()
def test_load_gives_back_the_model(finished):
    for path in (
        finished.directory,
        finished.directory / "checkpoints",
        finished.directory / "checkpoints" / "best.ckpt",
        str(finished.directory),
    ):
        model = vae.load(path)
        assert not model.training
        x = next(finished.data.batches("test", 9)).x
        assert torch.equal(model.encode(x).mean, finished.model.encode(x).mean)
        assert torch.equal(
            model.decode(model.embed(x)).mean, finished.model.decode(model.embed(x)).mean
        )
        assert torch.equal(
            model.prior().log_prob(model.embed(x)), finished.model.prior().log_prob(model.embed(x))
        )
        assert model.sample(3).shape == (3, 1, 8, 8)
        assert model.log_prob(x, 5).log_px.shape == (9,)


def test_load_needs_no_hydra_and_touches_no_global_state(finished):
    program = (
        "import sys, vae\n"
        "assert 'torch' not in sys.modules\n"
        f"model = vae.load({str(finished.directory)!r})\n"
        "assert model.sample(2).shape == (2, 1, 8, 8)\n"
        "assert 'hydra' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        vae.lode  # noqa: B018


ALIASES = [
    "os.system",
    "builtins.exec",
    "logging.os.system",
    "subprocess.Popen",
    "vae.runs.opened.torch.load",
    "vae.model.vae.torch.hub.load",
    "vae.model.networks.mlp.math.prod",
    "vae.model.networks.conv.dense",
    "vae.train.sys.exit",
    "vae.data.module.DataModule",
    "lightning.pytorch.Trainer",
    "torch.optim.Adam",
    "vae.model.networks.mlp.nn.Linear",
]


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("part", ["encoder", "prior"])
def test_a_checkpoint_cannot_name_what_is_not_a_part_of_a_model(finished, tmp_path, alias, part):
    content = torch.load(finished.directory / "checkpoints" / "best.ckpt", weights_only=True)
    content["vae"]["config"]["model"][part] = {"_target_": alias, "command": "touch gone"}
    content["vae"]["config"]["allow"] = [alias.split(".")[0]]
    torch.save(content, tmp_path / "bad.ckpt")
    with pytest.raises(ConfigError, match="a _target_ must"):
        vae.load(tmp_path / "bad.ckpt")


def test_a_checkpoint_with_code_in_it_is_not_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "gone"), "w"))

    torch.save({"vae": Evil()}, tmp_path / "evil.ckpt")
    with pytest.raises(RunError, match="tensors and plain values alone"):
        vae.load(tmp_path / "evil.ckpt")
    assert not (tmp_path / "gone").exists()


def spoil(content, tmp_path):
    path = tmp_path / "bad.ckpt"
    torch.save(content, path)
    return path


def test_what_is_not_a_run_is_one_sentence(finished, tmp_path):
    good = torch.load(finished.directory / "checkpoints" / "best.ckpt", weights_only=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.ckpt").write_text("not a checkpoint")
    mine = {**good, "vae": {**good["vae"], "event_shape": [1, 9, 9]}}
    odd = {**good, "vae": {**good["vae"], "event_shape": "abc"}}
    less = {**good, "state_dict": {}}
    cases = [
        (tmp_path / "nowhere", "does not exist"),
        (tmp_path / "empty", "has no checkpoints/best.ckpt"),
        (tmp_path / "text.ckpt", "cannot be read as such"),
        (spoil({"state_dict": {}}, tmp_path), "has none"),
        (spoil([1], tmp_path), "has none"),
    ]
    for path, message in cases:
        with pytest.raises(RunError, match=message) as error:
            vae.load(path)
        assert "\n" not in str(error.value)
    for content in (mine, odd, less):
        with pytest.raises(RunError, match="must fit together"):
            vae.load(spoil(content, tmp_path))


def evaluation(run, *words):
    overrides = (f"run={run}", "trainer.accelerator=cpu", "num_samples=3", "fid=0", "pictures=3")
    return evaluate(compose(*overrides, *words, name="evaluate"))


def test_an_evaluation_repeats_the_tests_numbers_and_leaves_the_run_alone(finished, capsys):
    before = {p: p.read_bytes() for p in finished.directory.rglob("*") if p.is_file()}
    results = evaluation(
        finished.directory, "surgery=50", "probe=200", "finetune=20", "finetune_steps=5"
    )
    assert {p: p.read_bytes() for p in before} == before
    (folder,) = (finished.directory / "evaluations").iterdir()
    assert read_results(folder) == results
    names = {p.name for p in (folder / "pictures").iterdir()}
    assert results.score == results.test["elbo"].value
    assert {"samples.png", "dimensions.png", "latents.png", "manifold.png"} <= names
    # a VampPrior's rate is a mean over the samples, so it is near and not equal
    old, new = finished.results.test["elbo"], results.test["elbo"]
    assert abs(old.value - new.value) < 1.0
    assert results.train == finished.results.train
    latents = results.latents
    assert latents.mutual_information.value <= math.log(50)
    assert 0.1 < latents.knn_accuracy.value <= 1
    assert results.test["log_px_finetuned"].num_examples == 20
    printed = capsys.readouterr().out
    for word in ("log p(x), fitted", "I(n; z)", "4-NN accuracy", "active units"):
        assert word in printed


def test_fid_is_named_after_its_network(finished):
    samples = evaluation(
        finished.directory,
        "fid=300",
        "surgery=0",
        "probe=0",
        "pictures=0",
        "out=" + str(finished.directory / "x"),
    ).samples
    assert samples.fid.value > samples.fid_of_training_images.value > 0
    assert "own classifier of digits" in samples.features
    assert samples.num_images == samples.kid.num_samples == 300


def test_an_evaluation_is_the_same_whatever_the_batch(tmp_path):
    """The test images' draws are fixed and the rate has a closed form: neither knows the batch."""
    run = train(compose(*SMALL, "callbacks.pictures=null", f"run_dir={tmp_path / 'run'}"))
    results = []
    for size in (100, 77):
        checkpoint = run.directory / "checkpoints" / "best.ckpt"
        content = torch.load(checkpoint, weights_only=True)
        content["vae"]["config"]["data"]["eval_batch_size"] = size
        torch.save(content, checkpoint)
        config = compose(
            f"run={run.directory}",
            "trainer.accelerator=cpu",
            "num_samples=0",
            "surgery=0",
            "probe=0",
            "fid=0",
            "pictures=0",
            f"out={tmp_path / str(size)}",
            name="evaluate",
        )
        found = evaluate(config)
        assert found.test["rate"].num_samples == 0, "a closed form takes no samples"
        rate = {k: getattr(found.test["rate"], k) for k in ("value", "standard_error")}
        results.append((rate, found.latents.variance, found.latents.rate_per_dimension))
    for one, other in zip(*results, strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def test_what_was_tested_is_kept_when_a_closer_look_fails(finished, tmp_path, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no probe")

    monkeypatch.setattr("vae.evaluation.analysis._probes", fail)
    words = ("surgery=0", "probe=50", "pictures=0", f"out={tmp_path / 'out'}")
    with pytest.raises(RuntimeError, match="no probe"):
        evaluation(finished.directory, *words)
    kept = json.loads((tmp_path / "out" / "results.json").read_text())
    assert kept["test"]["log_px"]["num_samples"] == 3


@pytest.mark.parametrize(
    "what", ["samples", "reconstructions", "interpolation", "traversal", "manifold"]
)
def test_generate_writes_every_picture(finished, what):
    path = generate(
        compose(f"run={finished.directory}", f"what={what}", "count=4", name="generate")
    )
    assert path == finished.directory / "generated" / f"{what}_0.png"
    with Image.open(path) as image:
        assert min(image.size) >= 32


def test_the_same_seed_gives_the_same_picture(finished, tmp_path):
    pictures = []
    for i, seed in enumerate((1, 1, 2)):
        path = tmp_path / f"{i}.png"
        generate(
            compose(f"run={finished.directory}", f"seed={seed}", f"out={path}", name="generate")
        )
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["what=films"], "what must be samples or reconstructions"),
        (["out=picture.xyz"], "must name a picture"),
        (["count=0"], "at least 1"),
        (["out=5"], "must name a picture, for instance 5.png, got 5"),
        (["run=???"], "run must be set, got nothing; add run= and its value"),
        (["split=here"], "split must be train or val or test"),
    ],
)
def test_generate_refuses_what_makes_no_sense(finished, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=message):
        generate(compose(f"run={finished.directory}", *words, name="generate"))


def test_an_autoencoder_has_a_distortion_and_no_likelihood(autoencoder):
    assert set(autoencoder.results.test) == {"distortion"}
    assert autoencoder.results.score == autoencoder.results.train.best_val_score
    assert autoencoder.results.score < 0
    assert (autoencoder.directory / "checkpoints" / "best.ckpt").exists()


@pytest.mark.parametrize("word", ["mixture_of_gaussians", "flow"])
def test_an_autoencoder_generates_once_a_prior_is_fitted(autoencoder, word, capsys, monkeypatch):
    from vae.model.priors.flow import Flow

    fit = Flow.fit
    monkeypatch.setattr(Flow, "fit", lambda self, z, seed: fit(self, z, seed, steps=300))
    before = open_run(autoencoder.directory)
    path = fit_prior(
        compose(f"run={autoencoder.directory}", f"model/prior={word}", name="fit_prior")
    )
    assert path == autoencoder.directory / "checkpoints" / f"{word}.ckpt"
    after = vae.load(path)
    with torch.no_grad():
        z = after.embed(next(autoencoder.data.batches("test", 297)).x)
        assert after.prior().log_prob(z).mean() > before.model.prior().log_prob(z).mean() + 0.5
        assert torch.equal(z, before.model.embed(next(autoencoder.data.batches("test", 297)).x))
        assert after.sample(4).shape == (4, 1, 8, 8)
    assert "nats under the run's prior" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="exists; choose another out="):
        fit_prior(compose(f"run={autoencoder.directory}", f"model/prior={word}", name="fit_prior"))
    # any command takes it as a run
    assert set(
        evaluation(path, "surgery=0", "probe=0", "pictures=0", f"out={path.parent / word}").test
    ) == {"distortion"}


def test_a_prior_that_cannot_be_fitted_is_refused(autoencoder):
    with pytest.raises(ConfigError, match="choose mixture_of_gaussians or flow"):
        fit_prior(
            compose(f"run={autoencoder.directory}", "model/prior=vampprior", name="fit_prior")
        )


def test_an_autoencoder_does_not_pass_off_noise_as_samples(autoencoder, capsys, tmp_path):
    with pytest.raises(ConfigError, match=r"fit one with python -m vae\.fit_prior"):
        generate(compose(f"run={autoencoder.directory}", name="generate"))
    words = ("surgery=0", "probe=0", f"out={tmp_path / 'out'}", "fid=100")
    results = evaluation(autoencoder.directory, *words)
    assert results.samples is None
    assert "no FID" in capsys.readouterr().out
    drawn = {p.name for p in (tmp_path / "out" / "pictures").iterdir()}
    assert "samples.png" not in drawn
    assert "reconstructions.png" in drawn


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fid=5"], "fid needs at least 100 images, or 0 for none"),
        (["probe=3"], "probe needs at least 10 images"),
        (["finetune=5", "num_samples=0"], "set it to 1 or more, or finetune=0"),
    ],
)
def test_an_evaluation_refuses_too_little_at_once(finished, words, message):
    with pytest.raises(ConfigError, match=message):
        evaluation(finished.directory, *words)


def test_data_may_have_moved(tmp_path):
    """A run's data is where data_root says, and an error names that setting's folder."""
    words = [w for w in SMALL if not w.startswith("data=")]
    run = train(
        compose(
            *words,
            "trainer.limit_train_batches=1",
            "trainer.limit_val_batches=1",
            "trainer.limit_test_batches=1",
            f"run_dir={tmp_path / 'run'}",
        )
    )
    opened = open_run(run.directory)
    assert opened.data_config("elsewhere")["data"]["root"] == "elsewhere"
    assert opened.data_config()["data"]["root"] is None
    with pytest.raises(vae.errors.DataError, match="nowhere has neither"):
        evaluation(run.directory, f"data_root={tmp_path / 'nowhere'}")


def test_a_checkpoint_cannot_name_hosts(finished, tmp_path):
    content = torch.load(finished.directory / "checkpoints" / "best.ckpt", weights_only=True)
    content["vae"]["config"]["data"]["source"] = {
        "_target_": "vae.data.sources.kmnist.KMNIST",
        "root": None,
        "mirrors": ["http://127.0.0.1:9/"],
    }
    torch.save(content, tmp_path / "far.ckpt")
    source = open_run(tmp_path / "far.ckpt").data_config()["data"]["source"]
    assert source["mirrors"] == ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]


def test_log_prob_says_what_it_cannot_do(finished, autoencoder):
    x = next(finished.data.batches("test", 4)).x
    with pytest.raises(ValueError, match="an autoencoder's is one point"):
        autoencoder.model.log_prob(x)
    with pytest.raises(ValueError, match="at least 1"):
        finished.model.log_prob(x, 0)
    assert finished.model.log_prob(x[:0], 3).log_px.shape == (0,)
    assert finished.model.log_prob(x, 1).variance.isnan().all()


@pytest.mark.parametrize("seed", range(40))
def test_no_damage_to_a_checkpoint_is_a_traceback(finished, tmp_path, seed):
    content = bytearray((finished.directory / "checkpoints" / "best.ckpt").read_bytes())
    generator = random.Random(seed)
    for _ in range(generator.choice([1, 20, 500])):
        content[generator.randrange(len(content))] = generator.randrange(256)
    (tmp_path / "bad.ckpt").write_bytes(bytes(content[: generator.choice([len(content), 3000])]))
    # either the damage is in numbers alone, or it is one of our own errors
    with contextlib.suppress(RunError, ConfigError):
        assert isinstance(vae.load(tmp_path / "bad.ckpt"), torch.nn.Module)


@pytest.mark.parametrize("name", ["evaluate", "generate", "fit_prior"])
def test_commands_answer_help_and_bad_runs(name, tmp_path):
    command = [sys.executable, "-m", f"vae.{name}"]
    done = subprocess.run([*command, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    assert f"python -m vae.{name} run=" in done.stdout
    done = subprocess.run([*command, "run=nowhere"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: run= takes a run directory or a checkpoint, but nowhere does"
    )
    assert not list(tmp_path.iterdir())
