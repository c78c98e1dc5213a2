"""A checkpoint, a run or an export that is damaged or not what it says is refused."""

import json
import zipfile

import numpy as np
import pytest
import torch

import vae
from vae.errors import RunError

pytestmark = pytest.mark.slow

# weights that are none


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


# cards


@pytest.mark.parametrize("missing", ["data", "name", "model", "objective", "seed"])
def test_a_card_without_a_part_is_refused(checkpoint, tmp_path, missing):
    del checkpoint["vae"]["config"][missing]
    torch.save(checkpoint, tmp_path / "a.ckpt")
    with pytest.raises(RunError, match=f"has no {missing}"):
        vae.load(tmp_path / "a.ckpt")


# what a run says it kept


def test_results_name_no_checkpoint_elsewhere(run, tmp_path):
    import shutil

    shutil.copytree(run.directory, tmp_path / "run")
    path = tmp_path / "run" / "results.json"
    results = json.loads(path.read_text())
    (tmp_path / "evil.ckpt").write_bytes(b"x")
    path.write_text(json.dumps({**results, "checkpoint": str(tmp_path / "evil.ckpt")}))
    with pytest.raises(RunError, match=r"checkpoints/evil\.ckpt, which is gone"):
        vae.load(tmp_path / "run")


# checkpoints that are archives of something else


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
