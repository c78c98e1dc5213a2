"""The documentation: its commands compose, its links lead somewhere, its examples run."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import vae
from tests.commands import FAST
from vae.cli.command import compose
from vae.config.check import check

ROOT = Path(__file__).parents[1]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
COMMAND = re.compile(r"(?:    )?(?:.*&& )?(?:\.venv/bin/)?(?:python -m vae\.|vae )([\w.]+) ?(.*)$")
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(path):
    """The commands of this package on a page, each as a name and its words."""
    text = re.sub(r"\\\n\s*", " ", path.read_text())
    for line in text.splitlines():
        found = COMMAND.match(line)
        if found and not line.startswith("|"):
            name = {"search.index": "search/index", "search.query": "search/query"}
            yield name.get(found[1], found[1]), shlex.split(found[2], comments=True)


ALL = [(path, *command) for path in PAGES for command in commands(path)]


def test_there_are_commands():
    assert len(ALL) > 50
    assert {name for _, name, _ in ALL} >= {"train", "evaluate", "generate", "search/index"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"), [command for _, *command in ALL], ids=[" ".join(w) for *_, w in ALL]
)
def test_a_command_composes(name, words, monkeypatch):
    if {"--help", "--config-dir", "--cfg"} & set(words) or any("resume=" in w for w in words):
        pytest.skip("its own tests run it")
    if name == "completion":
        return
    monkeypatch.setenv("QDRANT_API_KEY", "")
    sweeps = [w for w in words if w != "-m" and not w.startswith("hydra")]
    # of a sweep, its first job
    one = [re.sub(r"^([\w./]+=)(?:tag\(.*|int\(.*)$", r"\g<1>8", w) for w in sweeps]
    one = [w if "[" in w else re.sub(r"^([\w./]+=[^,]*),.*$", r"\1", w) for w in one]
    check(compose(*one, name=name), name)


def test_every_link_leads_somewhere():
    for path in PAGES:
        text = BLOCK.sub("", path.read_text())
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"https?:|mailto:", target):
                assert (path.parent / target.partition("#")[0]).exists(), f"{path.name}: {target}"


def test_the_reference_is_of_the_settings_as_they_are():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import reference
    finally:
        sys.path.pop(0)
    assert reference.PAGE.read_text() == reference.page(), "run python docs/reference.py"


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("zensical")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "src").symlink_to(ROOT / "src")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr
    page = (tmp_path / "site" / "python.html").read_text()
    assert "what can be done with it" in page


def test_the_citation_is_of_this_version():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == vae.__version__


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 130
    assert len(text.split()) <= 750


EXTENDING = (ROOT / "docs" / "extending.md").read_text()
EXAMPLES = re.split(r"^## ", EXTENDING, flags=re.MULTILINE)[1:]
EXAMPLES = [example for example in EXAMPLES if "```bash" in example]


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[0])
def test_an_example_of_extending_runs(example, cli, tmp_path, monkeypatch):
    words = []
    for language, title, text in BLOCK.findall(example):
        if title:
            path = tmp_path / title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif language == "bash":
            words = shlex.split(text)
    (tmp_path / "mypackage" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "mypackage"]:
        del sys.modules[name]
    assert words[:3] == ["python", "-m", "vae.train"]
    code, out, err = cli(*words[3:], *FAST)
    assert code == 0, err
    assert "log p(x)" in out
