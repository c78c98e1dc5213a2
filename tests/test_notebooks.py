"""Every notebook is that of its script, and runs from top to bottom on fewer steps."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
SCRIPTS = sorted(FOLDER.glob("[0-9]*.py"))
# a notebook's runs have these words more; what trains at full size does in seconds with the second
MORE = re.compile(r"^MORE = \[.*\]$", re.MULTILINE)
STEPS = re.compile(r"^STEPS = \d+$", re.MULTILINE)
REDUCED = [
    "evaluate.num_samples=2",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
    "trainer.limit_train_batches=6",
    "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=1",
    "trainer.log_every_n_steps=2",
]
# how many pictures each shows
PICTURES = {"01_vae_the_basics": 8, "02_choosing": 7, "03_own_data": 3}


def pictures(notebook):
    shown = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    return [o for o in shown if "image/png" in o.get("data", {})]


def test_each_script_has_a_notebook():
    assert [path.stem for path in SCRIPTS] == sorted(PICTURES)
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(PICTURES)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_notebook_is_that_of_its_script_and_shows_what_it_found(path):
    jupytext = pytest.importorskip("jupytext")
    nbformat = pytest.importorskip("nbformat")
    script = jupytext.read(path)
    notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    assert [(c.cell_type, c.source) for c in notebook.cells] == [
        (c.cell_type, c.source) for c in script.cells
    ], "run python notebooks/execute.py"
    kinds = {o.output_type for cell in notebook.cells for o in cell.get("outputs", [])}
    assert "error" not in kinds
    assert len(pictures(notebook)) == PICTURES[path.stem]
    # no path of the machine that it ran on
    assert "/home/" not in path.with_suffix(".ipynb").read_text()
    assert "/tmp/" not in path.with_suffix(".ipynb").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path):
    jupytext = pytest.importorskip("jupytext")
    from nbclient import NotebookClient

    text, count = MORE.subn(f"MORE = {REDUCED}", path.read_text())
    assert count == 1
    notebook = jupytext.reads(STEPS.sub("STEPS = 3", text), fmt="py:percent")
    resources = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(notebook, timeout=300, resources=resources)
    # in a thread, since a browser of other tests may have a loop in this one, and then its own
    # `execute` would leave another open
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(client.async_execute())).result()
    assert len(pictures(notebook)) == PICTURES[path.stem]
