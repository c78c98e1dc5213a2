"""Whatever is typed, the answer is one sentence and exit code 1, and nothing is left behind."""

import importlib
import sys

import numpy as np
import pytest
from PIL import Image

from tests.commands import FAST, ended
from vae.cli.command import compose, run
from vae.training.loop import train

pytestmark = pytest.mark.slow

COMMANDS = {
    "train": "vae.train",
    "evaluate": "vae.evaluate",
    "generate": "vae.generate",
    "fit_prior": "vae.fit_prior",
    "export": "vae.export",
    "search/index": "vae.search.index",
    "search/query": "vae.search.query",
    "dashboard": "vae.dashboard",
    "app": "vae.app.__main__",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run, an index, pictures, and files that are not what they seem."""
    home = tmp_path_factory.mktemp("home")
    words = ("data=digits", "model.latent_dim=2", "callbacks.pictures=null")
    run_ = train(compose(*FAST, *words, f"run_dir={home / 'mine'}"))
    assert run_.directory.is_dir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(home / "a.png")
    (home / "text.png").write_text("no picture")
    (home / "empty").mkdir()
    (home / "text.ckpt").write_text("no checkpoint")
    np.save(home / "flat.npy", np.zeros((5, 9)))
    np.save(home / "x.npy", np.zeros((9, 4, 4), np.uint8))
    (home / "own" / "optimizer").mkdir(parents=True)
    (home / "own" / "experiment").mkdir()
    (home / "own" / "optimizer" / "mine.yaml").write_text("_target_: torch.optim.SGD\nlr: fast\n")
    (home / "own" / "experiment" / "bare.yaml").write_text("seed: 3\n")
    (home / "own" / "experiment" / "typo.yaml").write_text("# @package _global_\nsed: 3\n")
    config = compose(f"run={home / 'mine'}", name="search/index")
    from vae.search.build import build_index as index

    index(config)
    return home


@pytest.fixture
def call(home, capfd, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def call(name, *words):
        monkeypatch.setattr(sys, "argv", [COMMANDS[name], *words])
        module = importlib.import_module(COMMANDS[name])
        return ended(capfd, lambda: run(name, module.task, help="help", groups=[]))

    return call


D = ("data=digits", *FAST)
RUN = "run=mine"
BAD = [
    # settings that there are not
    ("train", ("+latent_dim=3",), "got latent_dim"),
    ("train", ("+foo=3",), "got foo"),
    ("train", ("+experimnt=basics",), "did you mean experiment?"),
    ("train", ("+evaluate.foo=3",), "got evaluate.foo"),
    ("train", ("+model.latent_dims=3",), "model has the settings latent_dim, got latent_dims"),
    ("train", ("+data.foo=3",), "got foo"),
    ("train", ("--config-dir", "own", "experiment=typo"), "got sed; did you mean seed?"),
    ("train", ("--config-dir", "own", "experiment=bare"), "# @package _global_"),
    ("evaluate", (RUN, "+num_sample=3"), "did you mean num_samples?"),
    ("generate", (RUN, "+cuont=3"), "did you mean count?"),
    ("export", (RUN, "+fromat=onnx"), "did you mean format?"),
    ("search/index", (RUN, "+splt=test"), "did you mean split?"),
    ("search/query", ("index=mine/index", "image=a.png", "+kk=3"), "got kk"),
    ("train", ("data=digits", "data.root=here"), "got data.root"),
    # values that make no sense
    ("train", ("name=",), "name is a run's name"),
    ("train", ("name=a/../../b",), "name is a run's name"),
    ("train", ("run_dir=",), "run_dir is the folder"),
    ("train", ("trainer.limit_train_batches=0",), "at least one batch"),
    ("train", ("callbacks.last.every_n_train_steps=0",), "at least 1"),
    ("train", ("callbacks.last.filename='{epoch}'",), "holds no metrics"),
    ("train", ("trainer=ddp", "trainer.devices=64", "trainer.accelerator=cpu"), "on "),
    ("train", ("trainer.accelerator=abacus",), "trainer cannot be built"),
    ("train", ("trainer.max_epochs=-5",), "max_epochs"),
    ("train", ("callbacks.checkpoint.monitor=val/elbow",), "did you mean val/elbo?"),
    (
        "train",
        (
            "+callbacks.stop._target_=lightning.pytorch.callbacks.EarlyStopping",
            "+callbacks.stop.monitor=val/los",
        ),
        "is a metric that is logged",
    ),
    ("train", ("+optimizer.foo=3",), "foo"),
    ("train", ("optimizer.betas=[2,0.9]",), "optimizer cannot be built"),
    ("train", ("optimizer.lr=-1",), "optimizer cannot be built"),
    ("train", ("--config-dir", "own", "optimizer=mine"), "optimizer"),
    ("train", ("data.source=null",), "data.source says where images come from"),
    ("train", ("data.batch_size=0",), "at least 1 example"),
    ("train", ("data.val_size=1500",), "must leave some"),
    ("train", ("model.encoder.normalization=batch", "data.batch_size=1"), "two examples"),
    ("train", ("model.encoder.hidden=[0]",), "model.encoder"),
    ("train", ("model.encoder.hidden=[-3]",), "model.encoder"),
    ("train", ("objective.num_samples=0",), "at least 1"),
    ("train", ("seed=-1",), "seed must be"),
    ("train", ("threads=0",), "threads must be"),
    ("train", ("evaluate.memory=0",), "evaluate.memory"),
    ("train", ("logger=wandb", "logger.wandb.tags=first"), "logger.wandb.tags must be"),
    ("train", ("allow=vae",), "allow must be"),
    ("train", ("resume=nowhere",), "nowhere/config.yaml cannot be read"),
    # the grammar
    ("train", ("run_dir=a,b",), "is written in quotes"),
    ("train", ("run_dir=a(b",), "is written in quotes"),
    ("train", ("run_dir=a=b(c",), "is written in quotes"),
    # data
    ("train", ("data=arrays", "data.root=flat.npy"), "reshape them"),
    ("train", ("data=arrays", "data.root=/dev/null"), "must be a .npy or .npz file"),
    ("train", ("data=arrays",), "data.root must be"),
    ("train", ("data=images", "data.root=empty"), "at least 3 pictures"),
    ("train", ("data=images", "data.root=2019"), "2019 is not a folder"),
    ("train", ("data=mnist", "data.root=empty"), "empty has neither"),
    # runs
    ("evaluate", ("run=nowhere",), "does not exist"),
    ("evaluate", ("run=empty",), "has no checkpoints"),
    ("evaluate", ("run=text.ckpt",), "cannot be read"),
    ("evaluate", (RUN, "num_samples=-1"), "num_samples must be"),
    ("evaluate", (RUN, "data.root=here"), "comes with a package"),
    ("evaluate", (RUN, "trainer.accelerator=abacus"), "trainer cannot be built"),
    ("generate", (RUN, "count=30000"), "lower count"),
    ("generate", (RUN, "count=1000000000000"), "lower count"),
    ("generate", (RUN, "out=x.xyz"), "must name a picture"),
    ("generate", (RUN, "what=manifolds"), "what must be"),
    ("fit_prior", (RUN, "out=/proc/x/y.ckpt"), "/proc/x"),
    ("fit_prior", (RUN, "model/prior=vampprior"), "choose mixture_of_gaussians, flow or diffusion"),
    ("fit_prior", (RUN, "model.prior.components=0"), "at least 1 component"),
    ("export", (RUN, "format=onyx"), "format must be"),
    ("export", (RUN, "format=onnx", "push=me/it"), "set format=safetensors"),
    ("search/index", (), "neither run= nor index="),
    ("search/index", ("index=empty",), "cannot be read as one"),
    ("search/index", ("index=mine/index", "remove=[nobody]"), "is not among its"),
    ("search/index", (RUN, "index=b", "engine=faiss", "engine.links=-1"), "at least 2"),
    (
        "search/index",
        (RUN, "index=c", "engine=faiss", "engine.kind=ivf", "engine.cells=5000"),
        "5000 cells for 1300 vectors",
    ),
    ("search/index", (RUN, "index=d", "root=empty"), "has none below it"),
    ("search/query", ("index=mine/index", "image=[]"), "has none"),
    ("search/query", ("index=mine/index", "image=empty"), "has none"),
    ("search/query", ("index=mine/index", "image=text.png"), "must be readable"),
    ("search/query", ("index=mine/index", "image=nowhere.png"), "must be readable"),
    ("search/query", ("index=mine/index", "image=a.png", "out=x.xyz"), "must name a picture"),
    ("search/query", ("index=mine/index", "image=a.png", "label=cat"), "its classes are"),
    ("dashboard", (), "entity must be set"),
    ("app", (RUN, "port=0"), "port must be"),
]
# what may stand in the folder after a command that was refused
LEFT = {"a.png", "text.png", "empty", "text.ckpt", "flat.npy", "x.npy", "own", "mine"}


@pytest.mark.parametrize(("name", "words", "message"), BAD, ids=lambda v: str(v)[:40])
def test_a_bad_input_is_one_sentence(call, home, name, words, message):
    # what the case says itself comes in the place of a default
    said = {w.partition("=")[0] for w in words}
    usual = [w for w in D if w.partition("=")[0] not in said] if name == "train" else []
    code, _, err = call(name, *usual, *words)
    assert code == 1, err
    assert err.startswith("error: "), err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    assert message in err, err
    assert len(err) < 900
    left = {p.name for p in home.iterdir()} - LEFT
    assert left <= {"outputs", "multirun", "b", "c", "d"}, left
    # a refused run leaves no directory of its own
    assert not list(home.glob("outputs/*/*/config.yaml"))


def test_enough_are_tried():
    assert len(BAD) >= 60
    assert {name for name, *_ in BAD} == set(COMMANDS)


GOOD = [
    ("name=42", "run_dir=good/1"),
    ("run_dir=~/nowhere", "--cfg", "job"),
    ("-m", "seed=0,1", "hydra.sweep.dir=good/2"),
    ("run_dir='good/3 é %'",),
    ("logger=[]", "run_dir=good/4"),
    ("~logger", "run_dir=good/5"),
    ("trainer.log_every_n_steps=0", "run_dir=good/6"),
    ("trainer.enable_checkpointing=false", "run_dir=good/7"),
    ("run_dir=2019",),
]


@pytest.mark.parametrize("words", GOOD, ids=lambda v: str(v)[:40])
def test_what_makes_sense_runs(call, home, words, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    # the home folder is left alone, and -m works wherever it stands
    code, _, err = call("train", "data=digits", *FAST, *words)
    assert code == 0, err


def test_a_multirun_has_no_run_dir(call):
    code, _, err = call("train", *D, "-m", "run_dir=x", "seed=0,1")
    assert code == 1
    assert "Traceback" not in err
    assert err.count("set hydra.sweep.dir= instead") == 2


def test_a_bad_wandb_mode_is_one_sentence(call, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "nonsense")
    code, _, err = call("train", *D, "logger=wandb")
    assert code == 1
    assert "WANDB_MODE" in err
    assert err.count("\n") == 1
