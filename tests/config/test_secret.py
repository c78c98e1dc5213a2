"""What came from the environment, and passwords, are used but never written down."""

import json

import pytest
import torch
import yaml

from tests.commands import FAST
from vae.cli.command import plain
from vae.config.secret import HIDDEN, Secret, recorded, redacted

pytestmark = pytest.mark.slow


def test_a_value_from_the_environment_is_a_secret_wherever_it_is_used(monkeypatch):
    from omegaconf import OmegaConf

    monkeypatch.setenv("TOKEN", "hush")
    config = OmegaConf.create(
        {"a": "${oc.env:TOKEN}", "b": ["x ${a} y"], "c": {"d": "${b.0}"}, "e": "hush-not"}
    )
    found = plain(config)
    assert found == {"a": "hush", "b": ["x hush y"], "c": {"d": "x hush y"}, "e": "hush-not"}
    assert isinstance(found["a"], Secret)
    hidden = {"a": HIDDEN, "b": [HIDDEN], "c": {"d": HIDDEN}, "e": "hush-not"}
    assert recorded(found) == hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgresql://me:pa$$@host/db", "postgresql://me:***@host/db"),
        ("x mysql+pymysql://u:p@h:1/d y", "x mysql+pymysql://u:***@h:1/d y"),
        ("http://host:6333/a", "http://host:6333/a"),
        ("sqlite:///a.db", "sqlite:///a.db"),
    ],
)
def test_passwords_in_addresses_are_hidden(text, hidden):
    assert redacted(text) == hidden


def test_nothing_that_a_run_leaves_holds_the_secret(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "hush-4711")
    monkeypatch.setenv("WANDB_MODE", "offline")
    words = ["data=digits", *FAST, "run_dir=mine", "logger=[tensorboard,wandb]"]
    note = "logger.wandb.notes=${oc.env:TOKEN}"
    code, _, err = cli(*words, note, "logger.wandb.tags=['http://u:word-4712@h/x']")
    assert code == 0, err
    for path in (tmp_path / "mine").rglob("*"):
        # W&B's own record of its own run gets what it was told to send
        if path.is_file() and "wandb" not in path.relative_to(tmp_path / "mine").parts[0]:
            content = path.read_bytes()
            assert b"hush-4711" not in content, path
            assert b"word-4712" not in content, path
    card = torch.load(tmp_path / "mine/checkpoints/last.ckpt", weights_only=True)["vae"]["config"]
    assert card["logger"]["wandb"]["notes"] == HIDDEN
    assert yaml.safe_load((tmp_path / "mine/config.yaml").read_text())["logger"] == card["logger"]
    command = json.loads((tmp_path / "mine/results.json").read_text())["command"]
    assert "oc.env:TOKEN" in command
    # it cannot be known again
    code, _, err = cli("resume=mine", "trainer.max_epochs=2")
    assert code == 1
    assert "logger.wandb.notes came from an environment variable" in err
    assert cli("resume=mine", "trainer.max_epochs=2", "logger=[tensorboard,wandb]", note)[0] == 0
