"""logger=mlflow, where MLflow is installed: it is 800 MB, and no part of the dev extra."""

import importlib.util
import sqlite3

import pytest

from tests.commands import FAST, PICTURES

pytestmark = pytest.mark.slow
here = importlib.util.find_spec("mlflow") is not None


@pytest.mark.skipif(here, reason="MLflow is installed")
def test_without_mlflow_the_extra_is_named(cli):
    code, _, err = cli("logger=mlflow", "data=digits", *FAST)
    assert code == 1
    assert "pip install 'vae-lab[mlflow]'" in err


@pytest.mark.skipif(not here, reason="MLflow is not installed")
@pytest.mark.filterwarnings("ignore")
def test_a_run_has_numbers_config_pictures_and_checkpoints(cli, tmp_path):
    code, _, err = cli(
        "logger=mlflow", "data=digits", *FAST, PICTURES, "trainer.log_every_n_steps=1"
    )
    assert code == 0, err
    with sqlite3.connect(tmp_path / "outputs" / "mlflow.db") as database:
        keys = {key for (key,) in database.execute("select distinct key from metrics")}
        states = [state for (state,) in database.execute("select status from runs")]
    assert {"train/elbo", "val/elbo", "test/log_px"} <= keys
    assert states == ["FINISHED"]
    files = {p.name for p in (tmp_path / "outputs" / "mlflow").rglob("*") if p.is_file()}
    assert {"config.yaml", "best.ckpt", "last.ckpt"} <= files
