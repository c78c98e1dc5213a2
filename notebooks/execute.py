"""Run the notebooks at full size, and keep them with what they show.

    python notebooks/execute.py [01_vae_the_basics ...]

A notebook's text is its script NAME.py, which a person edits; NAME.ipynb is made from it here.
"""

import re
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

HERE = Path(__file__).parent


# where it ran says nothing to a reader
PATH = re.compile(r"/(?:tmp|home|root|var|work)/[^\s'\"│<]*")


def execute(script: Path) -> None:
    """Run one in a folder of its own."""
    notebook = jupytext.read(script)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=3600, resources=resources).execute()
    notebook.metadata.pop("jupytext", None)
    nbformat.write(cleaned(notebook), script.with_suffix(".ipynb"))


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """A notebook without a terminal's bars and warnings, times and places."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
        for output in cell.get("outputs", []):
            if "text" in output:
                output.text = _without_paths(output.text)
            for kind in ("text/plain", "text/html"):
                if kind in output.get("data", {}):
                    output.data[kind] = _without_paths(output.data[kind])
    return notebook


def _without_paths(text: str) -> str:
    """Paths as dots, as long as they were, so that tables stay straight."""
    return PATH.sub(lambda found: "...".ljust(len(found[0])), text)


if __name__ == "__main__":
    names = sys.argv[1:] or [p.stem for p in sorted(HERE.glob("[0-9]*.py"))]
    for name in names:
        print(name, flush=True)
        execute(HERE / f"{name}.py")
