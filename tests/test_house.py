"""The house keeps its rules: style, types, and which room may import which."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["lint-imports"],
        ["mypy"],
    ],
    ids=lambda command: " ".join(command),
)
def test_a_checker_has_nothing_to_say(command):
    program, *words = command
    done = subprocess.run(
        [SCRIPTS / program, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_constraints_are_the_versions_tested():
    """Every core and extra dependency has an exact version in constraints.txt."""
    import re

    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split(" ;")[0].split("==")
            pinned[name.lower()] = version
            assert "+" not in version
    project = (ROOT / "pyproject.toml").read_text().split("[tool.hatch")[0]
    needed = re.findall(r'^ {4}"([a-zA-Z0-9-]+)>=', project, re.MULTILINE)
    needed += re.findall(r'\["([a-zA-Z0-9-]+)>=', project)
    assert {"torch", "lightning", "hydra-core", "ruff"} <= set(needed)
    assert not [name for name in needed if name.lower() not in pinned]
