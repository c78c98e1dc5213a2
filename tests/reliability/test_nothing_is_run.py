"""What a stranger sends runs no code, starts no program and says no host to talk to."""

import json
import os
import pickle

import numpy as np
import pytest
import torch
import yaml

import vae
from tests.reliability.asking import ask
from vae.cli.command import compose
from vae.data.pictures import Unreadable, look
from vae.data.sources.arrays import Arrays
from vae.errors import ConfigError, DataError, RunError

pytestmark = pytest.mark.slow


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_in_any_file_is_not_run(run, made, picture, tmp_path):
    gone = tmp_path / "gone"
    torch.save({"vae": Evil(gone)}, tmp_path / "a.ckpt")
    (tmp_path / "b.ckpt").write_bytes(pickle.dumps(Evil(gone)))
    for name in ("a.ckpt", "b.ckpt"):
        with pytest.raises(RunError):
            vae.load(tmp_path / name)
    np.save(tmp_path / "c.npy", np.array([Evil(gone)], object), allow_pickle=True)
    with pytest.raises(DataError):
        Arrays(str(tmp_path / "c.npy"))
    torch.save(Evil(gone), made / "exact.pt")
    with pytest.raises(RunError):
        ask(made, picture)
    assert not gone.exists()


# _target_ tricks (runs/test_loading.py has thirteen aliases more)


@pytest.mark.parametrize("target", ["os.system", "vae.search.folder.json.loads", "vae.train.train"])
def test_an_index_names_no_class_but_an_engine(made, picture, target):
    meta = json.loads((made / "index.json").read_text())
    meta["engine"] = {"_target_": target, "command": "touch gone"}
    (made / "index.json").write_text(json.dumps(meta))
    with pytest.raises(ConfigError, match="a _target_ must"):
        ask(made, picture)


# hosts


def test_an_index_does_not_say_whom_to_talk_to(made, picture, monkeypatch):
    """The key and the vectors went to the host that index.json named."""
    import qdrant_client

    asked = []

    class Client:
        def __init__(self, **words):
            asked.append(words)
            raise ValueError("no server")

    monkeypatch.setattr(qdrant_client, "QdrantClient", Client)
    monkeypatch.setenv("QDRANT_API_KEY", "hush")
    meta = json.loads((made / "index.json").read_text())
    url = "http://127.0.0.1:9"
    meta["engine"] = {"_target_": "vae.search.engines.qdrant.Qdrant", "url": url}
    (made / "index.json").write_text(json.dumps(meta))
    with pytest.raises(ConfigError, match="said by the command alone"):
        ask(made, picture)
    assert not asked
    with pytest.raises((RunError, ValueError)):
        ask(made, picture, "url=http://127.0.0.1:8")
    assert [words["url"] for words in asked] == ["http://127.0.0.1:8"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c["logger"].update(
            w={"_target_": "lightning.pytorch.loggers.WandbLogger", "project": "x"}
        ),
        lambda c: c["callbacks"].update(
            x={"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "dirpath": "s3://a/b"}
        ),
        lambda c: c["trainer"].update(default_root_dir="http://127.0.0.1:9/x"),
    ],
)
def test_a_config_to_resume_does_not_say_whom_to_talk_to(run, tmp_path, spoil):
    config = yaml.safe_load((run.directory / "config.yaml").read_text())
    spoil(config)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match=r"never from a run's config\.yaml|loggers of vae alone"):
        compose(f"resume={tmp_path}")


def test_a_config_to_resume_has_no_host_for_the_wandb_key(run, tmp_path):
    config = yaml.safe_load((run.directory / "config.yaml").read_text())
    settings = {"base_url": "http://127.0.0.1:9"}
    node = {"_target_": "vae.training.loggers.wandb.WandB", "save_dir": "x", "project": "p"}
    config["logger"] = {"wandb": {**node, "settings": settings}}
    config["data"]["source"] = {
        "_target_": "vae.data.sources.kmnist.KMNIST",
        "mirrors": ["http://127.0.0.1:9/"],
        "root": None,
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    adopted = compose(f"resume={tmp_path}")
    assert adopted["logger"]["wandb"] == node
    assert "127.0.0.1" not in json.dumps(adopted)


# programs started by pictures


def test_postscript_in_any_picture_starts_nothing(run, made, tmp_path, monkeypatch):
    import subprocess

    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(a))
    monkeypatch.setattr(subprocess, "check_call", lambda *a, **k: started.append(a))
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n"
    for name in ("a.png", "b.eps", "c.jpg"):
        (tmp_path / name).write_bytes(text)
        with pytest.raises(Unreadable):
            look(tmp_path / name, lambda image: image.load())
        with pytest.raises(DataError):
            ask(made, tmp_path / name)
    assert not started


# names


def test_names_do_not_command_the_terminal_or_the_page(tmp_path, capsys):
    from vae.search.hit import Hit
    from vae.search.sheet import print_hits

    name = "\x1b[2J\x1b]0;x\x07<script>.png"
    print_hits(name, [Hit(name, name, 0.0, torch.zeros(1, 8, 8))])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "x1b[2J" in out.replace("\n", "")
