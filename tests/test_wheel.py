"""The commands work from a wheel and from a checkout, in another directory.

The other tests run from an editable installation, which is what the README makes.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.commands import FAST

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def check(*command, cwd, **variables):
    done = subprocess.run(
        [str(c) for c in command],
        cwd=cwd,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel_python(tmp_path_factory):
    """The interpreter of a venv with the wheel, which sees this one's site-packages but not us."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    check(*build, cwd=folder)
    (wheel,) = folder.glob("vae_lab-*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    scripts = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / Path(sys.executable).name
    site = check(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    target = Path(site.strip())
    check(*pip, "install", "-q", "--no-deps", "--target", target, wheel, cwd=folder)
    # the wheel's copy comes first, then everything else this interpreter has
    (target / "rest.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_prints_its_config_and_trains_elsewhere(wheel_python, tmp_path):
    where = check(wheel_python, "-c", "import vae; print(vae.__file__)", cwd=tmp_path)
    assert str(ROOT) not in where
    printed = check(wheel_python, "-m", "vae.train", "--cfg", "job", cwd=tmp_path)
    assert "latent_dim: 32" in printed
    check(wheel_python, "-m", "vae.train", "experiment=mnist_bernoulli", *FAST, cwd=tmp_path)
    assert len(list(tmp_path.glob("outputs/mnist_bernoulli/*/results.json"))) == 1


def test_a_checkout_needs_no_installation(wheel_python, tmp_path):
    path = {"PYTHONPATH": str(ROOT / "src")}
    where = check(wheel_python, "-c", "import vae; print(vae.__file__)", cwd=tmp_path, **path)
    assert where.strip() == str(ROOT / "src" / "vae" / "__init__.py")
    printed = check(wheel_python, "-m", "vae.train", "--cfg", "job", cwd=tmp_path, **path)
    assert "latent_dim: 32" in printed


def test_holds_the_data_and_its_licence(wheel_python, tmp_path):
    program = (
        "from vae.data.sources.mnist import FOLDER, MNIST; from vae.cli.argv import config_dir;"
        "print((FOLDER / 'LICENSE.md').exists(), len(MNIST().decode()['train_images']),"
        "config_dir().parent.name)"
    )
    assert check(wheel_python, "-c", program, cwd=tmp_path).split() == ["True", "60000", "vae"]
