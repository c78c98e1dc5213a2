"""logger=comet, offline and with a server that is not there."""

import importlib.util
import json
import zipfile

import pytest

from tests.commands import FAST, PICTURES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(importlib.util.find_spec("comet_ml") is None, reason="needs comet-ml"),
]
WORDS = ("logger=comet", "data=digits", "trainer.log_every_n_steps=1", *FAST)


def messages(path):
    """What an offline experiment would send."""
    with zipfile.ZipFile(path) as archive:
        return [json.loads(line) for line in archive.read("messages.json").splitlines()]


def test_without_a_key_a_run_is_kept_in_its_directory(cli, tmp_path):
    code, _, err = cli(*WORDS, PICTURES, f"run_dir={tmp_path / 'run'}")
    assert code == 0, err
    (kept,) = (tmp_path / "run" / "comet").glob("*.zip")
    key = (tmp_path / "run" / "comet" / "key.txt").read_text().strip()
    assert key in kept.name
    sent = messages(kept)
    metrics = {m["payload"]["metric"]["metricName"] for m in sent if m["type"] == "metric_msg"}
    assert {"train/elbo", "val/elbo", "test/log_px"} <= metrics
    told = [m["payload"] for m in sent if m["type"] == "parameter_msg"]
    assert "model|latent_dim" in {p["param"]["paramName"] for p in told if "param" in p}
    uploads = [m["payload"]["additional_params"] for m in sent if m["type"] == "file_upload"]
    files = {f.get("fileName") for f in uploads} | {f.get("figName") for f in uploads}
    assert {"config.yaml", "best.ckpt", "last.ckpt", "test/samples"} <= files


def test_a_server_that_is_not_there_costs_nothing(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("COMET_API_KEY", "x" * 25)
    monkeypatch.setenv("COMET_URL_OVERRIDE", "http://127.0.0.1:9/clientlib/")
    code, out, err = cli(*WORDS, f"run_dir={tmp_path / 'run'}")
    assert code == 0, err
    assert "does not answer, so this run is kept offline" in out
    assert list((tmp_path / "run" / "comet").glob("*.zip"))


def test_a_run_that_goes_on_is_the_same_experiment(cli, tmp_path):
    run = f"run_dir={tmp_path / 'run'}"
    assert cli(*WORDS, run, "trainer.max_epochs=1")[0] == 0
    key = (tmp_path / "run" / "comet" / "key.txt").read_text()
    assert cli(*WORDS, run, "trainer.max_epochs=2", "resume=auto")[0] == 0
    assert (tmp_path / "run" / "comet" / "key.txt").read_text() == key
    assert len(list((tmp_path / "run" / "comet").glob("*.zip"))) == 2
