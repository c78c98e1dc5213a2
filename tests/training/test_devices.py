"""What a device can do is asked before anything is built on it."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

from tests.commands import FAST
from vae.cli.command import compose
from vae.errors import ConfigError
from vae.runs.opened import load
from vae.training import devices
from vae.training.loop import train

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trainer.precision=16-mixed"], "set bf16-mixed or 32-true"),
        (["trainer.precision=16"], "set bf16-mixed or 32-true"),
        (["trainer.precision=16-true"], "for want of scaling"),
        (["trainer=fsdp", "callbacks=ema"], "choose callbacks=default"),
        (["trainer=mps", "trainer.precision=64-true"], "no float64"),
    ],
)
def test_what_a_device_cannot_do_is_refused(words, message):
    accelerator = [] if "trainer=mps" in words else ["trainer.accelerator=cpu"]
    with pytest.raises(ConfigError, match=message):
        devices.check(compose(*words, *accelerator))


@pytest.mark.parametrize("word", ["32-true", "bf16-mixed", "bf16-true", "64-true"])
def test_what_a_cpu_can_do_is_not(word):
    devices.check(compose(f"trainer.precision={word}", "trainer.accelerator=cpu"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("word", ["gpu", "fsdp"])
def test_a_device_that_is_not_there_is_one_sentence(tiny, word):
    config = tiny("data=digits", f"trainer={word}") | {}
    config["trainer"]["accelerator"] = "gpu"
    with pytest.raises(ConfigError, match="trainer cannot be built"):
        train(config)


@pytest.mark.slow
def test_bf16_mixed_trains_to_the_elbo_of_float32(tiny):
    """On MNIST, after a third of an epoch of real steps, over the same noise."""
    found = []
    for precision in ("32-true", "bf16-mixed"):
        config = tiny(
            "model.encoder.hidden=[400]",
            "model.decoder.hidden=[400]",
            f"trainer.precision={precision}",
            "trainer.limit_test_batches=4",
            "data.eval_batch_size=500",
            "evaluate.num_samples=20",
            "callbacks.pictures=null",
            f"name={precision}",
            steps=430,
        )
        config["run_dir"] += precision
        for name in ("checkpoint", "last"):
            config["callbacks"][name]["dirpath"] += precision
        found.append(train(config).results.test["elbo"].value)
    assert found[0] == pytest.approx(found[1], abs=0.5)
    assert found[0] > -150


@pytest.mark.skipif(not shutil.which("g++"), reason="compiling needs a C++ compiler")
@pytest.mark.slow
def test_compiled_and_not_compiled_runs_load_each_others_checkpoints(tiny):
    words = ["data=digits", "model.latent_dim=3", "model.encoder.hidden=[16]"]
    words += ["model.decoder.hidden=[16]", "callbacks.pictures=null", "callbacks=ema"]
    compiled = train(tiny(*words, "compile=true"))
    keys = set(torch.load(compiled.directory / "checkpoints/last.ckpt")["state_dict"])
    assert not any("_orig_mod" in key for key in keys)
    x = next(compiled.data.batches("test", 10)).x
    plain = load(compiled.directory)
    assert not hasattr(plain.encoder, "_compiled_call_impl") or (
        plain.encoder._compiled_call_impl is None
    )
    torch.testing.assert_close(plain.encode(x).mean, compiled.model.encode(x).mean)
    # each goes on with the other's
    for word, epochs in (("compile=false", 2), ("compile=true", 3)):
        result = train(tiny(*words, word, "resume=auto", f"trainer.max_epochs={epochs}"))
        assert result.results.train.steps == 2 * epochs


def test_compiling_without_a_compiler_is_refused(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs a C\+\+ compiler"):
        devices.check(compose("compile=true", "trainer.accelerator=cpu"))


def test_threads_are_as_many_as_asked_for(tiny):
    before = torch.get_num_threads()
    try:
        assert train(tiny("data=digits", "threads=1")).results.threads == 1
    finally:
        torch.set_num_threads(before)


def launch(command, cwd, **variables):
    hidden = ("LOCAL_RANK", "WORLD_SIZE", "RANK", "NODE_RANK")
    clean = {k: v for k, v in os.environ.items() if k not in hidden}
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=clean | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends_well(*processes):
    for process in processes:
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, err + out


TWO = ["data=digits", *FAST]


def one_run(tmp_path, examples):
    (path,) = tmp_path.rglob("results.json")
    results = json.loads(path.read_text())
    assert results["test"]["elbo"]["num_examples"] == examples
    assert results["train"]["steps"] == 2
    assert results["command"]
    # no process but the first leaves anything
    assert len([p for p in path.parent.parent.iterdir() if p.is_dir()]) == 1


def test_torchrun_starts_the_processes(tmp_path):
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command = [sys.executable, *words, "-m", "vae.train", "trainer=ddp", *TWO]
    ends_well(launch(command, tmp_path))
    one_run(tmp_path, 100)


def test_slurm_starts_the_processes(tmp_path):
    """As srun does: one process for each task, told apart by variables.

    A checkpoint of an earlier requeueing must not be what is tested.
    """
    words = ["trainer=slurm", *TWO, "run_dir=runs/one", "resume=auto"]
    (tmp_path / "runs" / "one").mkdir(parents=True)
    processes = []
    for rank in range(2):
        variables = {
            "SLURM_JOB_ID": "4217",
            "SLURM_JOB_NAME": "vae",
            "SLURM_NTASKS": "2",
            "SLURM_NTASKS_PER_NODE": "2",
            "SLURM_NNODES": "1",
            "SLURM_NODELIST": "127.0.0.1",
            "SLURM_PROCID": str(rank),
            "SLURM_LOCALID": str(rank),
            "SLURM_NODEID": "0",
        }
        command = [sys.executable, "-m", "vae.train", *words]
        processes.append(launch(command, tmp_path, **variables))
    ends_well(*processes)
    one_run(tmp_path, 100)


def test_processes_started_from_python_are_those_of_the_command(tmp_path):
    command = [sys.executable, "-m", "vae.train", "trainer=ddp_spawn", *TWO]
    ends_well(launch(command, tmp_path))
    one_run(tmp_path, 100)


def test_an_error_in_a_process_started_from_python_is_one_sentence(tmp_path):
    command = [sys.executable, "-m", "vae.train", "trainer=ddp_spawn", "data.batch_size=3", *TWO]
    process = launch(command, tmp_path)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "must be a multiple of their number, got 3 for 2 devices" in err
    assert "Traceback" not in err
