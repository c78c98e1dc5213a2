import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_command import FAST
from tests.test_command import cli as cli


def summaries(folder):
    """What W&B's own tool reads in the offline runs below a folder."""
    found = []
    for path in sorted(Path(folder).rglob("*.wandb")):
        tool = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(path)]
        done = subprocess.run(tool, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    return found


@pytest.fixture
def no_key(monkeypatch, tmp_path):
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:wandb")
def test_wandb_without_a_key_is_offline_and_each_job_is_a_run(cli, no_key, tmp_path):
    words = ["logger=wandb", *FAST, "callbacks.pictures=null", "trainer.log_every_n_steps=1"]
    code, out, _ = cli("-m", "seed=0,1", *words)
    assert code == 0
    assert out.count("wandb sync") == 2
    runs = summaries(tmp_path)
    assert len(runs) == 2
    for run in runs:
        assert "test/elbo" in json.dumps(run)
    assert len(list(tmp_path.glob("multirun/vae/*/*/metrics.csv"))) == 2


def test_tensorboard_writes_events_beside_the_csv(cli, tmp_path):
    code, _, err = cli("logger=tensorboard", *FAST, "trainer.log_every_n_steps=1")
    assert code == 0, err
    events = [p.read_bytes() for p in tmp_path.glob("outputs/vae/*/tensorboard/events*")]
    for split in (b"train", b"val", b"test"):
        assert any(split + b"/elbo" in text for text in events)
    assert len(list(tmp_path.glob("outputs/vae/*/metrics.csv"))) == 1
