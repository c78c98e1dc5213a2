"""A run whose files are damaged or gone resumes from what is left, or is left as it is."""

import pytest
import yaml

from tests.training.resumed import weights
from vae.cli.command import compose
from vae.errors import RunError
from vae.training.loop import train

pytestmark = pytest.mark.slow


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tiny, capsys):
    words = ("data=digits", "trainer.max_epochs=2", "resume=auto")
    directory = train(tiny(*words)).directory
    last = directory / "checkpoints" / "last.ckpt"
    content = bytearray(last.read_bytes())
    # a single bit of a weight
    content[len(content) // 2] ^= 4
    last.write_bytes(bytes(content))
    train(tiny(*words, "trainer.max_epochs=3"))
    said = capsys.readouterr().out
    assert "last.ckpt cannot be read as such" in said
    assert "best.ckpt, of step " in said
    assert weights(directory)["global_step"] == 6


def test_damaged_checkpoints_alone_are_refused(tiny):
    directory = train(tiny("data=digits", "resume=auto")).directory
    for path in (directory / "checkpoints").iterdir():
        path.write_bytes(b"not a checkpoint")
    with pytest.raises(RunError, match="cannot be read"):
        train(tiny("data=digits", "resume=auto", "trainer.max_epochs=2"))
    # nothing of the run is lost
    assert (directory / "results.json").exists()
    assert yaml.safe_load((directory / "config.yaml").read_text())["trainer"]["max_epochs"] == 1


@pytest.mark.parametrize("wish", ["auto", "path"])
def test_a_run_whose_last_checkpoint_is_gone_is_not_begun_anew(tiny, wish):
    directory = train(tiny("data=digits")).directory
    (directory / "checkpoints" / "last.ckpt").unlink()
    before = {p: p.read_bytes() for p in directory.rglob("*") if p.is_file()}
    words = (f"resume={directory}",) if wish == "path" else ("data=digits", "resume=auto")
    config = (
        tiny(*words, "trainer.max_epochs=2")
        if wish == "auto"
        else compose(*words, "trainer.max_epochs=2")
    )
    with pytest.raises(RunError, match=r"last\.ckpt is gone; give resume=.*best\.ckpt"):
        train(config)
    assert {p: p.read_bytes() for p in directory.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("content", ["[]", "{", "3"])
def test_damaged_results_are_one_sentence(tiny, content):
    directory = train(tiny("data=digits")).directory
    (directory / "results.json").write_text(content)
    with pytest.raises(RunError, match=r"results\.json.*cannot be read"):
        train(compose(f"resume={directory}"))
