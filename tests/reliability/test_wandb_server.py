"""A W&B server that hangs or fails, at the start, in the middle or at the end, costs no results.

VAE_RELIABILITY=full tries all modes.
"""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from tests.commands import FAST
from tests.training.loggers.wandb_server import Server

pytestmark = pytest.mark.slow

FULL = os.environ.get("VAE_RELIABILITY") == "full"
WORDS = ["data=digits", *FAST, "trainer.max_epochs=3", "callbacks.panels.embedding=20"]
WAIT, FINISH = 3.0, 4.0
# what W&B itself takes to start and to write its record, in seconds
OWN = 12.0


def run(cwd, name, url=None, *words):
    """How long a run takes, and what it leaves."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "WANDB_SILENT": "false"}
    env.pop("WANDB_MODE", None)
    if url is not None:
        env |= {"WANDB_API_KEY": "0" * 40, "WANDB_BASE_URL": url}
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", *WORDS, f"run_dir={name}", *words],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for file in ("results.json", "report.html", "metrics.csv", "checkpoints/last.ckpt"):
        assert (cwd / name / file).is_file()
    found = json.loads((cwd / name / "results.json").read_text())
    return time.monotonic() - start, found, done.stdout + done.stderr


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(tmp_path_factory.mktemp("plain"), "csv")


MODES = {
    "refuse": (None, None, None),
    "hang at the start": ("hang", None, None),
    "close at the start": ("close", None, None),
    "500 at the start": ("500", None, None),
    "hang after the login": ("well", 0.05, "hang"),
    "hang in mid-run": ("well", 2.0, "hang"),
    "close in mid-run": ("well", 2.0, "close"),
    "500 in mid-run": ("well", 2.0, "500"),
    "slow": ("slow", None, None),
}


# enough for every day
SOME = (
    "refuse",
    "hang at the start",
    "hang after the login",
    "hang in mid-run",
    "close in mid-run",
)
TRIED = MODES if FULL else {name: MODES[name] for name in (*SOME, "slow")}


@pytest.mark.parametrize(("mode", "after", "later"), TRIED.values(), ids=TRIED)
def test_the_runs_own_results_do_not_depend_on_the_server(plain, tmp_path, mode, after, later):
    words = ("logger=wandb", f"logger.wandb.wait={WAIT}", f"logger.wandb.finish={FINISH}")
    if mode is None:
        seconds, results, said = run(tmp_path, "mine", "http://127.0.0.1:9", *words)
    else:
        with Server(mode, after, later) as server:
            seconds, results, said = run(tmp_path, "mine", server.url, *words)
            assert server.asked
    before, expected, _ = plain
    assert results["test"] == expected["test"]
    assert results["score"] == expected["score"]
    # at most one wait at the start and one at the end, whatever the server does
    assert seconds < 1.05 * before + WAIT + FINISH + OWN
    if mode != "slow":
        assert "wandb sync" in said
    assert len(list(tmp_path.rglob("*.wandb"))) >= 1


def test_a_failing_logger_is_told_once_and_the_run_goes_on(tmp_path, capsys):
    from vae.training.loggers.log import Log, harmless

    class Broken(Log):
        tries = 0

        @harmless
        def picture(self, name, image, step):
            self.tries += 1
            raise OSError("no space")

    log = Broken()
    for _ in range(3):
        log.picture("a", None, 0)
    assert log.tries == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "Broken has failed and logs no more (no space); the run goes on" in err


def test_threads_of_a_service_that_was_ended_fail_without_a_word(monkeypatch, capsys):
    """One that writes while the interpreter ends would abort it, and with it the exit code."""
    from vae.training.loggers import patience

    def fail():
        raise OSError("no service")

    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    patience._forgive()
    for name, daemon, told in (
        ("wandb-ServiceFinalizer", True, False),
        ("wandb-mine", False, True),
        ("loader", True, True),
    ):
        thread = threading.Thread(target=fail, name=name, daemon=daemon)
        thread.start()
        thread.join()
        assert ("no service" in capsys.readouterr().err) == told


def test_bounded_waits_are_bounded():
    from vae.training.loggers.patience import Impatient, answers, within

    start = time.monotonic()
    with pytest.raises(Impatient):
        within(0.2, lambda: time.sleep(5))
    assert time.monotonic() - start < 2
    with pytest.raises(KeyError):
        within(1, lambda: {}["x"])
    assert within(1, lambda: 3) == 3
    for mode, good in (("well", True), ("500", False), ("close", False), ("hang", False)):
        with Server(mode) as server:
            start = time.monotonic()
            assert answers(server.url, None, 0.5) is good
            assert time.monotonic() - start < 2
