"""What a stranger may send: at least 15 kinds of malicious or damaged artefacts, all refused."""

import gzip
import json
import os
import pickle
import resource
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import vae
from tests.commands import FAST
from vae.cli.command import compose
from vae.data.pictures import Unreadable, look
from vae.data.sources.arrays import Arrays
from vae.data.sources.idx import read_idx
from vae.errors import ConfigError, DataError, RunError, VAEError
from vae.runs.exports.export import export
from vae.search.build import build_index as index
from vae.search.find import find as query
from vae.search.store import Index
from vae.training.loop import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "run"
    words = ("data=digits", "model.latent_dim=2", "callbacks.pictures=null")
    small = ("model.encoder.hidden=[8]", "model.decoder.hidden=[8]")
    return train(compose(*FAST, *words, *small, f"run_dir={directory}"))


@pytest.fixture
def checkpoint(run):
    return torch.load(run.directory / "checkpoints" / "best.ckpt", weights_only=True)


@pytest.fixture
def made(run, tmp_path):
    index(compose(f"run={run.directory}", f"index={tmp_path / 'index'}", name="search/index"))
    return tmp_path / "index"


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(np.full((8, 8), 7, np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def ask(made, picture, *words):
    return query(compose(f"index={made}", f"image={picture}", *words, name="search/query"))


# 1. pickles


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


# 2. _target_ tricks (test_run.py has thirteen aliases more)


@pytest.mark.parametrize("target", ["os.system", "vae.search.folder.json.loads", "vae.train.train"])
def test_an_index_names_no_class_but_an_engine(made, picture, target):
    meta = json.loads((made / "index.json").read_text())
    meta["engine"] = {"_target_": target, "command": "touch gone"}
    (made / "index.json").write_text(json.dumps(meta))
    with pytest.raises(ConfigError, match="a _target_ must"):
        ask(made, picture)


# 3. hosts


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


# 4. programs started by pictures


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


# 5. and 6. bombs: images


def bomb(path, width, height):
    """A PNG of a few bytes that declares any size."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + data + chunk(b"IEND", b""))


@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(13_304, 13_304), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_is_no_bomb(tmp_path, size):
    bomb(tmp_path / "a.png", *size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unreadable):
        look(tmp_path / "a.png", lambda image: image.load())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


# 7. to 9. bombs: arrays


def test_a_compressed_array_is_no_bomb(tmp_path):
    header = {"descr": "|u1", "fortran_order": False, "shape": (2_100_000, 32, 32)}
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("images.npy", "w", force_zip64=True) as f,
    ):
        np.lib.format.write_array_header_1_0(f, header)
        for _ in range(2_100):
            f.write(bytes(1_024_000))
    with pytest.raises(DataError, match="unpacks to at most"):
        Arrays(str(tmp_path / "a.npz"))


def test_an_idx_file_is_no_bomb(tmp_path):
    with gzip.open(tmp_path / "a.gz", "wb", compresslevel=1) as f:
        f.write(b"\0\0\x08\x03" + struct.pack(">III", 2_000_000, 32, 32) + bytes(10_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="an IDX file holds at most"):
        read_idx(tmp_path / "a.gz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_header_of_any_size_is_refused(tmp_path):
    for name in ("a.npy", "b.npz"):
        header = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 8, 8)}
        if name.endswith("npy"):
            with (tmp_path / name).open("wb") as f:
                np.lib.format.write_array_header_1_0(f, header)
        else:
            with zipfile.ZipFile(tmp_path / name, "w") as archive, archive.open("x.npy", "w") as f:
                np.lib.format.write_array_header_1_0(f, header)
        with pytest.raises(DataError, match="cannot be read"):
            Arrays(str(tmp_path / name))


# 10. pipes and devices


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "link to a device"])
def test_pipes_and_devices_are_no_files(run, made, tmp_path, kind):
    place = tmp_path / "x"

    def put(path):
        path.unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "link to a pipe":
            os.mkfifo(place) if not place.exists() else None
            path.symlink_to(place)
        else:
            path.symlink_to("/dev/zero")

    start = time.monotonic()
    put(tmp_path / "a.png")
    with pytest.raises(DataError):
        ask(made, tmp_path / "a.png")
    put(tmp_path / "a.npy")
    with pytest.raises(DataError):
        Arrays(str(tmp_path / "a.npy"))
    put(tmp_path / "a.ckpt")
    with pytest.raises(RunError):
        vae.load(tmp_path / "a.ckpt")
    put(tmp_path / "a.gz")
    with pytest.raises(DataError):
        read_idx(tmp_path / "a.gz")
    out = export(compose(f"run={run.directory}", f"out={tmp_path / 'st'}", name="export"))
    put(out / "model.safetensors")
    with pytest.raises(RunError):
        vae.load(out)
    put(made / "items.json")
    with pytest.raises(RunError):
        Index(made)
    assert time.monotonic() - start < 20


# 11. tampered indices


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("items.json", "images", "../../secret-0.npy"),
        ("items.json", "images", "/etc/passwd"),
        ("items.json", "ids", [0, 1]),
        ("items.json", "labels", None),
        ("items.json", "names", {}),
        ("index.json", "dim", 10**9),
        ("index.json", "dim", -1),
        ("index.json", "classes", []),
        ("index.json", "engine", []),
        ("index.json", "run", 3),
        ("index.json", "weights", None),
    ],
)
def test_a_tampered_index_is_refused(made, picture, name, key, value):
    content = json.loads((made / name).read_text())
    content[key] = value
    (made / name).write_text(json.dumps(content))
    with pytest.raises(VAEError):
        ask(made, picture)


@pytest.mark.parametrize("how", ["gone", "empty", "cut", "other keys", "other shape", "nan"])
def test_vectors_that_are_damaged_or_gone_are_refused(made, picture, how):
    path = made / "exact.pt"
    kept = torch.load(path, weights_only=True)
    if how == "gone":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-500])
    elif how == "other keys":
        torch.save({"ids": kept["ids"]}, path)
    elif how == "nan":
        torch.save({**kept, "vectors": kept["vectors"] * torch.nan}, path)
    else:
        torch.save({**kept, "vectors": kept["vectors"][:, :1]}, path)
    with pytest.raises(RunError):
        ask(made, picture)


def test_a_mutated_faiss_file_is_refused(run, picture, tmp_path):
    words = (f"index={tmp_path / 'f'}", "engine=faiss")
    folder = index(compose(f"run={run.directory}", *words, name="search/index"))
    assert len(ask(folder, picture)[0]) == 10
    (path,) = folder.glob("faiss-*.index")
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        content = bytearray(good)
        for place in rng.integers(0, len(content), 3):
            content[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(content))
        with pytest.raises(RunError, match="not as it was written"):
            ask(folder, picture)
    path.write_bytes(good)
    assert len(ask(folder, picture)[0]) == 10


# 12. another model's index


def test_a_model_that_has_been_trained_on_is_another(run, made, picture, checkpoint):
    home = run.directory / "checkpoints" / "best.ckpt"
    before = home.read_bytes()
    try:
        name = next(k for k in checkpoint["state_dict"] if k.endswith("weight"))
        checkpoint["state_dict"][name] += 0.01
        torch.save(checkpoint, home)
        with pytest.raises(ConfigError, match="other weights now"):
            ask(made, picture)
        with pytest.raises(ConfigError, match="other weights now"):
            index(compose(f"index={made}", f"root={picture.parent}", name="search/index"))
    finally:
        home.write_bytes(before)


# 13. weights that are none


def test_weights_that_are_not_numbers_are_refused_everywhere(run, checkpoint, tmp_path):
    weights = {
        k: v * torch.nan if v.is_floating_point() else v
        for k, v in checkpoint["state_dict"].items()
    }
    torch.save({**checkpoint, "state_dict": weights}, tmp_path / "nan.ckpt")
    with pytest.raises(RunError, match="finite weights"):
        vae.load(tmp_path / "nan.ckpt")


def test_an_export_that_differs_by_nan_is_refused(run):
    from vae.runs.exports.check import compare
    from vae.runs.exports.parts import parts

    part = next(iter(parts(run.model)))

    def broken(*inputs):
        return tuple(t * torch.nan for t in part.module(*inputs))

    with pytest.raises(RunError, match="differs by nan"):
        compare(part, run.model, (1, 8, 8), broken)


@pytest.mark.parametrize("seed", range(10))
def test_a_single_bit_is_seen(run, tmp_path, seed):
    content = bytearray((run.directory / "checkpoints" / "best.ckpt").read_bytes())
    rng = np.random.default_rng(seed)
    with zipfile.ZipFile(run.directory / "checkpoints" / "best.ckpt") as archive:
        largest = max(archive.infolist(), key=lambda e: e.file_size)
    start = largest.header_offset + 200
    content[int(rng.integers(start, start + largest.file_size - 200))] ^= 1 << int(rng.integers(8))
    (tmp_path / "bit.ckpt").write_bytes(content)
    with pytest.raises(RunError, match="cannot be read"):
        vae.load(tmp_path / "bit.ckpt")


# 14. cards


@pytest.mark.parametrize("missing", ["data", "name", "model", "objective", "seed"])
def test_a_card_without_a_part_is_refused(checkpoint, tmp_path, missing):
    del checkpoint["vae"]["config"][missing]
    torch.save(checkpoint, tmp_path / "a.ckpt")
    with pytest.raises(RunError, match=f"has no {missing}"):
        vae.load(tmp_path / "a.ckpt")


# 15. names


def test_names_do_not_command_the_terminal_or_the_page(tmp_path, capsys):
    from vae.search.hit import Hit
    from vae.search.sheet import print_hits

    name = "\x1b[2J\x1b]0;x\x07<script>.png"
    print_hits(name, [Hit(name, name, 0.0, torch.zeros(1, 8, 8))])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "x1b[2J" in out.replace("\n", "")


# 16. what a run says it kept


def test_results_name_no_checkpoint_elsewhere(run, tmp_path):
    import shutil

    shutil.copytree(run.directory, tmp_path / "run")
    path = tmp_path / "run" / "results.json"
    results = json.loads(path.read_text())
    (tmp_path / "evil.ckpt").write_bytes(b"x")
    path.write_text(json.dumps({**results, "checkpoint": str(tmp_path / "evil.ckpt")}))
    with pytest.raises(RunError, match=r"checkpoints/evil\.ckpt, which is gone"):
        vae.load(tmp_path / "run")


# 17. checkpoints that are archives of something else


def test_parts_that_overlap_or_are_packed_are_refused(run, tmp_path):
    source = run.directory / "checkpoints" / "best.ckpt"
    with (
        zipfile.ZipFile(source) as old,
        zipfile.ZipFile(tmp_path / "packed.ckpt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    with pytest.raises(RunError, match="it is compressed"):
        vae.load(tmp_path / "packed.ckpt")
