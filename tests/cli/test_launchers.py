"""Two jobs on each launcher, for real, one of which fails."""

import csv
import subprocess
import sys

import pytest

from tests.commands import FAST

pytestmark = pytest.mark.slow

QUICK = [w for w in FAST if not w.startswith("trainer.limit_train")]
JOBS = [
    "-m",
    "seed=0",
    "optimizer.lr=1e-3,1e38",
    *QUICK,
    "trainer.limit_train_batches=4",
    "data=digits",
    "data.val_size=100",
    "hydra.sweep.dir=sweep",
    "threads=1",
]

LAUNCHERS = {
    "basic": ("hydra", []),
    "joblib": ("hydra_plugins.hydra_joblib_launcher", ["hydra.launcher.n_jobs=2"]),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", []),
    "ray": ("ray", []),
}


def sweep(name, words, tmp_path):
    module, more = LAUNCHERS[name]
    pytest.importorskip(module)
    command = [sys.executable, "-m", "vae.train", *words, f"hydra/launcher={name}", *more]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400)


def rows(tmp_path):
    with (tmp_path / "sweep" / "sweep.csv").open() as f:
        return list(csv.DictReader(f))


def what(row):
    return [row[k] for k in ("job", "state", "optimizer.lr", "elbo", "log_px")]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The same jobs one after another."""
    path = tmp_path_factory.mktemp("basic")
    done = sweep("basic", JOBS, path)
    return done, rows(path), path


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_runs_the_jobs_and_tells_those_that_fail(name, reference, tmp_path):
    done, _, path = reference
    if name != "basic":
        done, path = sweep(name, JOBS, tmp_path), tmp_path
    assert done.returncode == 1
    assert "training stops at a loss that is not finite" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert "(1 finished, 1 failed)" in done.stdout
    assert [r["state"] for r in rows(path)] == ["finished", "failed"]
    assert [what(r) for r in rows(path)] == [what(r) for r in reference[1]]
    assert (path / "sweep" / "report.html").exists()
    assert not (path / "outputs").exists()


def test_processes_within_parallel_jobs_are_refused(tmp_path):
    done = sweep("joblib", [*JOBS, "trainer=ddp"], tmp_path)
    assert done.returncode == 1
    assert "set trainer.devices=1, or leave hydra/launcher out" in done.stderr + done.stdout


def test_a_launcher_that_is_not_installed_names_its_extra(tmp_path):
    """As if joblib's were not."""
    program = (
        "import sys; sys.modules['hydra_plugins.hydra_joblib_launcher'] = None; import runpy;"
        "runpy.run_module('vae.train', run_name='__main__')"
    )
    words = ["-m", "seed=0,1", "hydra/launcher=joblib"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "needs joblib, which is not installed; pip install 'vae-lab[joblib]'" in done.stderr
