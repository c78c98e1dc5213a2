"""The Python of README and the pages, run line by line at a reduced size."""

import re
import textwrap

import pytest
import torch

import vae
from tests.commands import FAST
from tests.test_docs import BLOCK, ROOT

pytestmark = pytest.mark.slow

# what makes a line small, and leaves what it shows
SMALLER = {
    r"\.evaluate\(\)": ".evaluate(num_samples=2)",
    r"\.evaluate\(": ".evaluate(fid=0, probe=0, surgery=0, pictures=0, ",
    r"num_samples=\d+": "num_samples=2",
    r"finetune=\d+": "finetune=2",
    r'fit_prior\("flow"\)': 'fit_prior("flow", steps=2)',
    # half a minute of torch.onnx: tests/runs
    r'export\("onnx"\)': 'export("safetensors")',
    r"search_index\(\)": 'search_index(split="test")',
}


def blocks():
    """The Python of each page that is no file of a package of the user's."""
    readme = (ROOT / "README.md").read_text()
    yield (
        "README.md",
        textwrap.dedent(
            re.search(
                r"(?:^    .*\n|^\n)*^    import vae\n(?:^    .*\n|^\n)*", readme, re.MULTILINE
            )[0]
        ),
    )
    for page in sorted((ROOT / "docs").glob("*.md")):
        for kind, title, code in BLOCK.findall(page.read_text()):
            if kind == "python" and not title:
                yield page.name, code


FOUND = list(blocks())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A trained run, and one that knows classes, in the place of those that the pages name."""
    folder = tmp_path_factory.mktemp("python")
    words = ["model.encoder.hidden=[16]", "model.decoder.hidden=[16]", *FAST]
    usual = vae.fit("experiment=mnist_bernoulli", *words, f"run_dir={folder / 'usual'}")
    told = vae.fit(
        "data=digits", "model.condition=label", *words, f"run_dir={folder / 'conditional'}"
    )
    return usual, told


@pytest.mark.parametrize(
    ("page", "code"), FOUND, ids=[f"{n}-{p}" for n, (p, _) in enumerate(FOUND)]
)
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_the_python_of_a_page_runs(page, code, run, tmp_path, monkeypatch):
    usual, told = run
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vae.fit", lambda *words: fit(*words, *FAST), raising=False)
    for pattern, smaller in SMALLER.items():
        code = re.sub(pattern, smaller, code)
    code = code.replace("outputs/mnist_bernoulli/TIME", str(usual.directory))
    names = {"vae": vae, "run": usual, "model": usual.model, "x": usual.data.examples(3)}
    if "given" in code:
        names |= {"model": told.model, "x": told.data.examples(3), "labels": torch.arange(3)}
    names["z"] = torch.zeros(1, 3, names["model"].latent_dim)
    exec(compile(code, page, "exec"), names)  # noqa: S102


fit = vae.fit


def test_there_is_python_to_run():
    assert {"README.md", "python.md", "evaluation.md"} <= {page for page, _ in FOUND}
    assert all("vae" in code or "model" in code for _, code in FOUND)
