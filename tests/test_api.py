"""The Python API, as a notebook's user meets it."""

import inspect
import subprocess
import sys

import pytest
from hydra.errors import HydraException

import vae
from vae.errors import ConfigError, RunError

pytestmark = pytest.mark.slow

WORDS = [
    "data=digits",
    "model.encoder.hidden=[16]",
    "model.decoder.hidden=[16]",
    "model.latent_dim=2",
    "trainer.max_epochs=1",
    "evaluate.num_samples=3",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
]


NOON = "2026-01-01_12-00-00"


def composed_at_noon(*words):
    """As if it were, for what the time names."""
    named = any(word.startswith("run_dir=") for word in words)
    return vae.compose(*words, *([] if named else [f"run_dir=outputs/vae/{NOON}"]))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return vae.fit(*WORDS, f"run_dir={tmp_path_factory.mktemp('api') / 'run'}")


def test_a_run_that_was_fitted_is_one_that_is_opened(run):
    again = vae.Run(run.directory)
    assert again.results == run.results
    assert again.results.test["elbo"].value < 0
    assert again.config["model"]["latent_dim"] == run.model.latent_dim == 2
    assert again.data.event_shape == run.data.event_shape == (1, 8, 8)
    x = run.data.examples(3)
    assert again.model.embed(x).equal(vae.load(run.directory).embed(x))


def test_a_run_is_evaluated_drawn_exported_and_indexed(run, tmp_path):
    found = run.evaluate(num_samples=2, surgery=0, probe=0, fid=0, pictures=0, out=tmp_path / "e")
    assert found.test["log_px"].num_samples == 2
    assert (tmp_path / "e" / "results.json").is_file()
    picture = run.generate("traversal", count=3, out=tmp_path / "t.png")
    assert picture.size[0] > 3 * 8
    folder = run.export(out=tmp_path / "x")
    assert vae.Run(folder).model.latent_dim == 2
    assert (run.search_index(tmp_path / "i", split="test") / "index.json").is_file()


def test_a_prior_is_fitted_and_gives_a_run(run, tmp_path):
    words = ("model.prior.transforms=2", "model.prior.hidden=[8]")
    fitted = run.fit_prior("flow", *words, steps=3, out=tmp_path / "flow.ckpt")
    assert fitted.path == tmp_path / "flow.ckpt"
    assert fitted.config["model"]["prior"]["hidden"] == [8]
    assert fitted.model.latent_dim == run.model.latent_dim
    with pytest.raises(ConfigError, match="needs a file of its own"):
        run.fit_prior("flow", *words, steps=3, out=tmp_path / "flow.ckpt")


def test_two_runs_of_one_second_have_a_directory_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vae.cli.fresh.compose", composed_at_noon)
    runs = [vae.fit(*WORDS) for _ in range(3)]
    names = [run.directory.name for run in runs]
    assert names == [NOON, f"{NOON}-2", f"{NOON}-3"]
    assert all(run.results.complete for run in runs)


def test_a_run_that_is_refused_leaves_no_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for word in ("objective.beta=-1", "nonsense=1", "optimizer.lr=fast"):
        with pytest.raises((ConfigError, HydraException)):
            vae.fit(*WORDS, "objective=beta", word)
    assert not list(tmp_path.glob("outputs/*/*"))


def test_a_run_without_checkpoints_has_the_model_that_it_trained(tmp_path):
    words = ("trainer.enable_checkpointing=false", f"run_dir={tmp_path / 'run'}")
    run = vae.fit(*WORDS, *words)
    assert run.model.embed(run.data.examples(2)).shape == (2, 2)
    assert run.directory == tmp_path / "run"
    assert "elbo" in run.results.test


def test_errors_are_exceptions_with_the_commands_sentences(run, tmp_path):
    with pytest.raises(ConfigError, match="already holds a run"):
        vae.fit(*WORDS, f"run_dir={run.directory}")
    with pytest.raises(ConfigError, match="num_samples must be a whole number"):
        run.evaluate(num_samples="many")
    with pytest.raises(RunError, match="does not exist"):
        _ = vae.Run(tmp_path / "nothing").model


@pytest.mark.parametrize(
    ("method", "command"),
    [
        (vae.Run.evaluate, "evaluate"),
        (vae.Run.generate, "generate"),
        (vae.Run.export, "export"),
        (vae.Run.fit_prior, "fit_prior"),
        (vae.Run.search_index, "search/index"),
    ],
)
def test_defaults_are_the_commands(method, command):
    config = vae.compose("run=here", name=command)
    for name, parameter in inspect.signature(method).parameters.items():
        if name in config and name != "trainer" and not isinstance(config[name], dict):
            assert parameter.default == config[name], name


def test_the_public_names_are_those_of_all():
    assert set(vae.__all__) <= set(dir(vae))
    for name in vae.__all__:
        assert getattr(vae, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = vae.lode


def test_load_imports_torch_and_the_model_alone(run):
    code = (
        "import sys, vae; vae.load(sys.argv[1]); "
        "bad = {'lightning', 'matplotlib', 'hydra', 'pandas', 'wandb', 'torchmetrics', 'rich'}; "
        "print(sorted(bad & set(sys.modules)), [m for m in sys.modules if 'vae.data' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, run.directory], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] []"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--help"], "vae COMMAND --help"),
        (["--version"], vae.__version__),
        (["completion", "bash"], "complete -o nospace -F _vae vae"),
        (["--complete", "tr"], "train"),
        (["--complete", "train", "model/prior=f"], "model/prior=flow"),
        (["--complete", "search.index", "eng"], "engine=faiss"),
        (["--complete", "train", "evaluate.num"], "evaluate.num_samples="),
        (["generate", "--help"], "what=samples"),
    ],
)
def test_the_console_script_answers(words, said):
    code = "from vae.cli.console import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_the_console_script_names_its_commands():
    code = "from vae.cli.console import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "trian"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "vae has the commands train, evaluate" in done.stderr
