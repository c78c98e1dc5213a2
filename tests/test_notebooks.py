"""Every notebook runs from top to bottom, on a reduced number of steps."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# what trains at full size, and what does in seconds
FULL = '"evaluate.num_samples=50"'
REDUCED = ", ".join(
    f'"{word}"'
    for word in (
        "evaluate.num_samples=2",
        "evaluate.surgery=0",
        "evaluate.probe=0",
        "callbacks.pictures=null",
        "trainer.limit_train_batches=40",
        "trainer.limit_val_batches=1",
        "trainer.limit_test_batches=1",
        "trainer.log_every_n_steps=5",
    )
)
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_runs_and_shows_its_pictures(path, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(FULL, REDUCED)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 5
    assert not any(cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells)
