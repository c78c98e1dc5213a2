"""What resume= asks for is gone on with if it is the same run, and refused if it is another."""

import csv
import json
import shutil

import pytest

from tests.commands import FAST
from tests.training.resumed import weights
from vae.cli.command import compose
from vae.errors import ConfigError
from vae.training.loop import train

pytestmark = pytest.mark.slow


def _column(path, name):
    with path.open() as f:
        return [row[name] for row in csv.DictReader(f) if row[name]]


def test_a_path_needs_no_other_word_and_a_moved_run_goes_on_where_it_is(cli, tmp_path):
    assert cli(*FAST, "data=digits", "run_dir=old", "model.latent_dim=3")[0] == 0
    (tmp_path / "old").rename(tmp_path / "new")
    code, _, err = cli("resume=new", "trainer.max_epochs=2")
    assert code == 0, err
    assert not (tmp_path / "old").exists()
    assert not list(tmp_path.glob("outputs/*/*"))
    checkpoint = weights(tmp_path / "new")
    assert checkpoint["vae"]["config"]["model"]["latent_dim"] == 3
    assert checkpoint["global_step"] == 4
    results = json.loads((tmp_path / "new" / "results.json").read_text())
    assert results["train"]["epochs"] == 2
    # the score of the best epoch is not forgotten
    assert results["checkpoint"] == str(tmp_path / "new" / "checkpoints" / "best.ckpt")
    scores = [float(line) for line in _column(tmp_path / "new" / "metrics.csv", "val/elbo")]
    assert results["score"] == pytest.approx(max(scores))


def test_a_finished_run_is_not_run_again(cli, tmp_path):
    words = [*FAST, "data=digits", "run_dir=mine", "resume=true"]
    assert cli(*words)[0] == 0
    before = (tmp_path / "mine" / "results.json").read_bytes()
    code, out, _ = cli(*words)
    assert code == 0
    assert "finished before" in out
    assert (tmp_path / "mine" / "results.json").read_bytes() == before


def test_a_sweep_resumes_with_what_is_missing(cli, tmp_path):
    words = ["-m", "data=digits", *FAST, "seed=0,1,2", "hydra.sweep.dir=sweep"]
    assert cli(*words, "data.val_size=100")[0] == 0
    (tmp_path / "sweep" / "1" / "results.json").unlink()
    code, out, _ = cli(*words, "data.val_size=100", "resume=true")
    assert code == 0
    assert out.count("finished before") == 2
    assert "3 finished" in out


def test_another_run_is_not_gone_on_with(cli, tmp_path):
    assert cli(*FAST, "data=digits", "run_dir=mine")[0] == 0
    code, _, err = cli(*FAST, "data=digits", "run_dir=mine", "resume=auto", "optimizer.lr=0.1")
    assert code == 1
    assert "has optimizer.lr=0.001 and this has optimizer.lr=0.1; leave that setting" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["resume=nowhere"], "nowhere/config.yaml cannot be read"),
        (["resume=mine", "model/likelihood=gaussian"], "takes its choices from the run, got model"),
        (["resume=mine", "experiment=basics"], "leave the word experiment out"),
        (["resume=mine", "model.latent_dim=9"], "model.latent_dim=32 and this has"),
    ],
)
def test_bad_wishes_are_refused(cli, words, message):
    assert cli(*FAST, "data=digits", "run_dir=mine")[0] == 0
    code, _, err = cli(*words)
    assert code == 1
    assert message in err
    assert err.count("\n") == 1


def test_resume_false_is_no(cli, tmp_path):
    assert cli(*FAST, "data=digits", "run_dir=mine")[0] == 0
    code, _, err = cli(*FAST, "data=digits", "run_dir=mine", "resume=false")
    assert code == 1
    assert "already holds a run" in err


def test_a_checkpoint_is_of_the_run_with_its_settings(cli, tmp_path):
    assert cli(*FAST, "data=digits", "run_dir=mine")[0] == 0
    before = (tmp_path / "mine" / "config.yaml").read_text()
    code, _, err = cli("resume=mine/checkpoints/last.ckpt", "model.latent_dim=9")
    assert code == 1
    assert "has model.latent_dim=32 and this has model.latent_dim=9" in err
    assert (tmp_path / "mine" / "config.yaml").read_text() == before


def test_a_checkpoint_of_another_architecture_is_refused(tiny, tmp_path):
    one = train(tiny("data=digits", "model.latent_dim=3")).directory
    two = train(tiny("data=digits", "model.latent_dim=4", f"run_dir={tmp_path / 'two'}")).directory
    shutil.copy(two / "checkpoints" / "last.ckpt", one / "checkpoints" / "last.ckpt")
    with pytest.raises(ConfigError, match=r"has model\.latent_dim=4 and this has"):
        train(compose(f"resume={one}", "trainer.max_epochs=2"))


def test_a_config_from_elsewhere_cannot_say_what_may_be_loaded(tiny):
    directory = train(tiny("data=digits")).directory
    path = directory / "config.yaml"
    path.write_text(path.read_text().replace("allow: []", "allow: [os]"))
    assert compose(f"resume={directory}")["allow"] == []
    path.write_text(path.read_text().replace("vae.objectives.elbo.ELBO", "os.system"))
    with pytest.raises(ConfigError, match=r"os\.system"):
        train(compose(f"resume={directory}", "trainer.max_epochs=2"))
