"""The command line: what it says, what it exits with, what it leaves."""

import json
import os
import subprocess
import sys

import pytest

from tests.commands import FAST, PICTURES
from vae.cli.help import ELSEWHERE
from vae.config.groups import BASES, config_dir

pytestmark = pytest.mark.slow


def test_one_word_trains(cli, tmp_path):
    code, out, _ = cli("experiment=mnist_bernoulli", *FAST)
    assert code == 0
    (directory,) = (tmp_path / "outputs" / "mnist_bernoulli").iterdir()
    assert str(directory) in out.replace("\n", "")
    results = json.loads((directory / "results.json").read_text())
    assert results["command"].startswith("python -m vae.train experiment=mnist_bernoulli trainer.")


def test_a_multirun_gives_each_job_its_directory(cli, tmp_path):
    code, _, _ = cli("-m", "seed=0,1", "model.latent_dim=2,3", *FAST)
    assert code == 0
    (sweep,) = (tmp_path / "multirun" / "vae").iterdir()
    jobs = sorted(sweep.glob("*/results.json"))
    assert [path.parent.name for path in jobs] == ["0", "1", "2", "3"]
    results = [json.loads(path.read_text()) for path in jobs]
    assert [r["seed"] for r in results] == [0, 0, 1, 1]
    assert len({r["test"]["elbo"]["value"] for r in results}) == 4


BAD = [
    (["data.batchsize=3"], "got data.batchsize; did you mean data.batch_size?"),
    (["latent_dim=3"], "did you mean model.latent_dim?"),
    (["likelihood=gaussian"], "did you mean model/likelihood?"),
    (["experiment=aae", "objective/schedule=linear"], "as chosen here has no schedule"),
    (["model/likelihood=bernouli"], "Could not find 'model/likelihood/bernouli'"),
    (["experiment=mnist"], "Could not find 'experiment/mnist'"),
    (["data.batch_size=many"], "data.batch_size must be a whole number, got 'many'"),
    (["model.latent_dim=two"], "model.latent_dim must be a whole number of at least 1, got 'two'"),
    (["model.latent_dim=0"], "model.latent_dim must be a whole number of at least 1, got 0"),
    (["optimizer.lr=fast"], "optimizer.lr must be"),
    (["optimizer.betas=[0.9]"], "optimizer.betas must be"),
    (["trainer.max_epochs=x"], "trainer.max_epochs must be"),
    (["trainer.precision=8"], "trainer.precision must be 64 or 32 or"),
    (["trainer.devices=nine"], "trainer cannot be built"),
    (["model.likelihood=gaussian"], "choose one with model/likelihood=gaussian"),
    (["data=digits", "data.root=here"], "got data.root; the choices made here have none"),
    (["trainer.accelerator=tpu"], "trainer cannot be built"),
    (["seed=5000000000"], "seed must be a whole number of at least 0 and at most 4294967295"),
    (["~evaluate.memory"], "evaluate.memory must be set"),
    (["logger=null"], "must be a string or a list"),
    (["-m", "--cfg", "job"], "Only one of"),
    ([PICTURES, "callbacks.pictures.count=0"], "count must be at least 1"),
    (["optimizer.lr=1e38", *FAST], "training stops at a loss that is not finite, and step 1 gave"),
    (["seed=one"], "seed must be a whole number"),
    (["evaluate.num_samples=-1"], "evaluate.num_samples must be a whole number of at least 0"),
    (["model.encoder.activation=swish"], "model.encoder.activation must be relu or"),
    (["model.likelihood.scale=1"], "got model.likelihood.scale"),
    (["data.binarize=none"], "set data.binarize=dynamic or threshold"),
    (["model/likelihood=gaussian", "data.binarize=threshold"], "set data.binarize=auto or choose"),
    (["trainer.max_epochs=-1", "optimizer/schedule=cosine"], "or choose the schedule constant"),
    (["objective=free_bits", "objective.kl=monte_carlo"], "objective.per=layer or example"),
    (["data.val_size=60000"], "between 0 and 59999"),
    (["model/encoder=conv", "model.encoder.channels=[1,1,1,1,1,1]"], "at most 5 entries"),
    (["data.root=nowhere"], "nowhere has neither"),
    (["objective.num_samples=0"], "num_samples must be at least 1"),
    (["data=kmnist", "data.source.mirrors=[http://127.0.0.1:9/]"], "connect to the network"),
    (["model.encoder._target_=os.system"], "a _target_ must be of the packages"),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=[" ".join(words) for words, _ in BAD])
def test_bad_input_is_one_sentence_and_exit_code_one(cli, words, message):
    code, _, err = cli(*words)
    assert code == 1
    assert message in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_run_directory_that_cannot_be_written_is_one_sentence(cli, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, _, err = cli("hydra.run.dir=file/run")
    assert code == 1
    assert err.startswith("error: ")
    assert "file/run" in err
    assert err.count("\n") == 1


def test_a_refused_run_leaves_its_directory_free(cli, tmp_path):
    for word in ("data.val_size=-1", "evaluate.memory=x", "objective.kl=none"):
        assert cli("hydra.run.dir=mine", word)[0] == 1
        assert not (tmp_path / "mine").exists()
    assert cli("hydra.run.dir=mine", *FAST)[0] == 0


def test_a_directory_that_holds_a_run_is_left_alone(cli, tmp_path):
    assert cli("hydra.run.dir=mine", *FAST)[0] == 0
    before = {p: p.read_bytes() for p in (tmp_path / "mine").rglob("*") if p.is_file()}
    code, _, err = cli("hydra.run.dir=mine", *FAST, "seed=4")
    assert code == 1
    assert "already holds a run" in err
    assert before == {p: p.read_bytes() for p in (tmp_path / "mine").rglob("*") if p.is_file()}


def test_a_failing_job_of_a_sweep_is_told_and_the_others_run(cli, tmp_path):
    code, _, err = cli("-m", "data.val_size=100,-1,200", *FAST)
    assert code == 1
    assert err.count("error: ") == 1
    assert "got -1" in err
    assert len(list(tmp_path.glob("multirun/vae/*/*/results.json"))) == 2


def test_a_run_that_is_terminated_says_so_and_fails(tmp_path):
    words = ["data=digits", "trainer.max_epochs=100000", "trainer.accelerator=cpu", "run_dir=run"]
    command = [sys.executable, "-m", "vae.train", *words, "callbacks.progress.interval=0"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert any(line.startswith("epoch 3") for line in process.stdout)
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert err.splitlines()[-1].startswith("error: interrupted; ")
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()


def test_full_errors_have_their_traceback(cli, monkeypatch):
    from vae.errors import ConfigError

    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(ConfigError, match="between 0 and"):
        cli("data.val_size=-1")
    assert os.environ["HYDRA_FULL_ERROR"] == "1"


def test_users_add_and_shadow_configs(cli, tmp_path):
    for folder in ("experiment", "objective"):
        (tmp_path / "mine" / folder).mkdir(parents=True)
    (tmp_path / "mine" / "experiment" / "own.yaml").write_text(
        "# @package _global_\ndefaults:\n  - mnist_bernoulli\nname: own\nmodel:\n  latent_dim: 7\n"
    )
    (tmp_path / "mine" / "objective" / "elbo.yaml").write_text(
        "_target_: vae.objectives.elbo.ELBO\nnum_samples: 9\n"
    )
    for words in (["--config-dir", "mine"], ["--config-dir=mine"], ["-cd", "mine"], ["-cd=mine"]):
        code, out, _ = cli(*words, "experiment=own", "--cfg", "job")
        assert code == 0
        assert "latent_dim: 7" in out
        assert "num_samples: 9" in out
        assert "lr: 0.003" in out
    code, _, _ = cli("--config-dir", "mine", "experiment=own", *FAST, "--config-name=train")
    assert code == 0
    (path,) = tmp_path.glob("outputs/own/*/results.json")
    command = json.loads(path.read_text())["command"]
    assert "--config-dir" in command
    assert str(tmp_path / "mine") in command
    assert "experiment=own" in command


def test_help_lists_every_word_and_those_of_the_user(cli, tmp_path):
    (tmp_path / "mine" / "objective").mkdir(parents=True)
    (tmp_path / "mine" / "objective" / "own.yaml").write_text("{}")
    code, out, _ = cli("--help", "--config-dir", "mine")
    assert code == 0
    assert ", own, " in next(x for x in out.splitlines() if x.startswith("  objective: "))
    for path in config_dir().glob("*/*.yaml"):
        if path.parent.name in ELSEWHERE or (path.parent.name, path.stem) in BASES:
            continue
        (line,) = [x for x in out.splitlines() if x.startswith(f"  {path.parent.name}: ")]
        assert path.stem in line.partition(": ")[2].split(", ")


@pytest.mark.parametrize("words", [["--help"], ["--cfg", "job"], ["-c", "job"]])
def test_help_and_cfg_import_nothing_heavy(words, tmp_path):
    program = (
        "import sys, runpy; sys.argv[1:] = sys.argv[1:]\n"
        "try: runpy.run_module('vae.train', run_name='__main__')\n"
        "except SystemExit as e: assert not e.code, e.code\n"
        "heavy = {'torch', 'lightning', 'numpy', 'matplotlib', 'wandb', 'pydantic', 'rich'}\n"
        "heavy -= {'pydantic'} if '--help' in sys.argv else set()\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "mnist" in done.stdout


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
