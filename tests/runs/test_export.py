"""python -m vae.export: what comes out computes what the model computes."""

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml

import vae
from vae.cli.command import compose, run
from vae.errors import RunError
from vae.export import task
from vae.runs.exports.check import compare
from vae.runs.exports.export import export
from vae.runs.exports.parts import Decoder, Part, parts
from vae.training.loop import train

pytestmark = pytest.mark.slow

QUICK = [
    "data=digits",
    "model.latent_dim=4",
    "model.encoder.hidden=[16]",
    "model.decoder.hidden=[16]",
    "trainer.limit_train_batches=2",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "evaluate.num_samples=0",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures.count=2",
]
MODELS = {
    "basic": [],
    "vampprior": ["model/prior=vampprior", "model.prior.components=5"],
    "mixture": ["model/prior=mixture_of_gaussians", "model.prior.components=5"],
    "flow": ["model/prior=flow", "model/posterior=iaf"],
    "full": [
        "model/posterior=full_covariance_normal",
        "model/prior=vampprior",
        "model.prior.components=5",
    ],
    "autoencoder": ["model/posterior=delta", "objective=reconstruction"],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = {}

    def get(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name) / "run"
            words = [w for w in QUICK if name != "flow" or "hidden" not in w]
            made[name] = train(compose(*words, *MODELS[name], f"run_dir={folder}"))
        return made[name]

    return get


def config(run_dir, form, tmp_path, *words):
    words = [f"run={run_dir}", f"format={form}", f"out={tmp_path / form}", *words]
    return compose(*words, name="export")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_a_torch_export_is_read_without_this_package(name, runs, tmp_path):
    result = runs(name)
    folder = export(config(result.directory, "torch_export", tmp_path))
    assert {p.name for p in folder.iterdir()} == {"encoder.pt2", "decoder.pt2", "sampler.pt2"}
    z = torch.randn(5, 4)
    decoder = torch.export.load(folder / "decoder.pt2").module()
    torch.testing.assert_close(decoder(z), result.model.decode(z).mean)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["basic", "mixture"])
def test_onnx_runtime_computes_the_same(name, runs, tmp_path, capsys):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    result = runs(name)
    folder = export(config(result.directory, "onnx", tmp_path))
    assert capsys.readouterr().out.count("differs from the model by at most") == 3
    session = runtime.InferenceSession(folder / "encoder.onnx")
    x = torch.rand(9, 1, 8, 8)
    mean, stddev = session.run(None, {"x": x.numpy()})
    q = result.model.encode(x)
    torch.testing.assert_close(torch.from_numpy(mean), q.mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.from_numpy(stddev), q.stddev, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["basic", "vampprior", "flow"])
def test_safetensors_are_what_vae_load_reads(name, runs, tmp_path):
    pytest.importorskip("safetensors")
    result = runs(name)
    folder = export(config(result.directory, "safetensors", tmp_path))
    text = (folder / "config.json").read_text()
    # nothing of this machine
    assert str(tmp_path) not in text
    assert str(result.directory) not in text
    again = vae.load(folder)
    for key, value in result.model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value)
    for path in (folder / "config.json", folder / "model.safetensors"):
        path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2])
        with pytest.raises(RunError, match="export it again"):
            vae.load(folder)


def test_a_shared_config_may_not_name_other_classes(runs, tmp_path):
    pytest.importorskip("safetensors")
    folder = export(config(runs("basic").directory, "safetensors", tmp_path))
    card = json.loads((folder / "config.json").read_text())
    card["config"]["model"]["encoder"]["_target_"] = "os.system"
    card["config"]["allow"] = ["os"]
    (folder / "config.json").write_text(json.dumps(card))
    with pytest.raises(vae.errors.ConfigError, match="a _target_ must be of the packages"):
        vae.load(folder)


@pytest.mark.parametrize("name", MODELS)
def test_noise_makes_the_samples_of_the_prior(name, runs):
    """Their mean and their deviations, against the distribution's own samples."""
    part = runs(name).model.prior
    prior = part()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(20_000, 4, generator=generator)
    uniform = torch.rand(20_000, generator=generator)
    with torch.no_grad():
        mine = part.from_noise(noise, uniform)
        theirs = prior.sample(torch.Size([20_000]))
    spread = theirs.std(0)
    assert ((mine.mean(0) - theirs.mean(0)).abs() < 5 * spread * (2 / 20_000) ** 0.5).all()
    torch.testing.assert_close(mine.std(0), spread, rtol=0.06, atol=0)


def test_an_export_that_computes_something_else_is_refused(runs):
    model = runs("basic").model
    part = Part("decoder", Decoder(model), ["z"], ["x_mean"])
    with pytest.raises(RunError, match="must compute what the model computes"):
        compare(part, model, (1, 8, 8), lambda z: (model.decode(z).mean + 0.01,))
    with pytest.raises(RunError, match="gives shape"):
        compare(part, model, (1, 8, 8), lambda z: (model.decode(z[:1]).mean,))


def test_a_prior_that_cannot_be_drawn_from_noise_is_refused_in_a_sentence(runs):
    class Silent(torch.nn.Module):
        numbers_per_sample = 1

        def forward(self):
            raise NotImplementedError

    model = runs("basic").model
    known, model.prior = model.prior, Silent()
    try:
        with pytest.raises(vae.errors.ConfigError, match=r"cannot; add from_noise\(noise, uniform"):
            list(parts(model))
    finally:
        model.prior = known


def test_bad_wishes_are_one_sentence(runs, tmp_path, monkeypatch, capfd):
    for words, message in (
        (["format=pickle"], "format must be safetensors or torch_export or onnx"),
        (["format=onnx", "push=me/it"], "set format=safetensors"),
        (["run=nowhere"], "does not exist"),
    ):
        argv = ["vae.export", f"run={runs('basic').directory}", f"out={tmp_path / 'o'}", *words]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit):
            run("export", task, help="")
        err = capfd.readouterr().err
        assert message in err
        assert err.count("\n") == 1


def test_a_model_card_has_the_runs_numbers_and_metadata(runs, tmp_path):
    pytest.importorskip("safetensors")
    result = runs("basic")
    folder = export(config(result.directory, "safetensors", tmp_path))
    text = (folder / "README.md").read_text()
    metadata = yaml.safe_load(text.split("---")[1])
    assert "variational-autoencoder" in metadata["tags"]
    (found,) = metadata["model-index"][0]["results"]
    metrics = {m["type"]: m["value"] for m in found["metrics"]}
    elbo = result.results.test["elbo"]
    assert metrics["elbo"] == pytest.approx(elbo.value, abs=1e-3)
    assert found["dataset"]["name"] == "digits"
    assert f"| elbo | {elbo.value:.4g} | {elbo.standard_error:.2g} |" in text
    assert "posterior DiagonalNormal" in text
    assert (folder / "samples.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path) not in text
    # what the page says loads it does
    loaded = sum(p.numel() for p in vae.load(folder).parameters())
    assert loaded == result.results.parameters


def test_what_is_pushed_is_loaded_and_evaluated_from_the_hub(runs, tmp_path, hub, monkeypatch):
    """Through HTTP: the card goes along, a revision is pinned, and the numbers are the run's."""
    trained = runs("basic")
    settings = config(trained.directory, "safetensors", tmp_path)
    export(settings | {"push": "me/it"})
    ((first, files),) = hub.repositories["me/it"]
    assert {"README.md", "samples.png", "config.json", "model.safetensors"} <= set(files)
    assert files["README.md"].decode().startswith("---")
    # a second commit, of another model
    other = config(runs("vampprior").directory, "safetensors", tmp_path / "other")
    export(other | {"push": "me/it"})
    ours, theirs = vae.load(f"hf://me/it@{first}"), vae.load("hf://me/it")
    assert type(theirs.prior).__name__ == "VampPrior"
    saved = trained.model.state_dict()
    for name, value in ours.state_dict().items():
        assert torch.equal(value, saved[name].cpu())
    # the weights and the config alone were asked for
    asked = {Path(path).name for path in hub.asked if "/resolve/" in path}
    assert asked == {"model.safetensors", "config.json"}
    evaluated = [
        vae.Run(path).evaluate(num_samples=2, surgery=0, probe=0, pictures=0, out=tmp_path / out)
        for path, out in ((trained.directory, "here"), (f"hf://me/it@{first}", "there"))
    ]
    monkeypatch.chdir(tmp_path)
    vae.Run("hf://me/it").generate(count=2)
    folder = tmp_path / "outputs" / "hub" / "me" / "it"
    assert (folder / "generated").is_dir()
    fitted = vae.Run("hf://me/it").fit_prior("mixture_of_gaussians", "model.prior.components=2")
    assert fitted.path.absolute() == folder / "mixture_of_gaussians.ckpt"
    here, there = (found.test["log_px"].value for found in evaluated)
    assert here == there


def test_a_model_that_is_not_on_the_hub_is_named(hub):
    with pytest.raises(RunError, match="me/nothing could not be fetched"):
        vae.load("hf://me/nothing")
    hub.repositories["me/it"] = [("a" * 40, {})]
    with pytest.raises(RunError, match="me/it@v9 could not be fetched"):
        vae.load("hf://me/it@v9")
