# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Your own pictures
#
# From a folder of pictures to a model that is trained, evaluated, searched and shared. Any folder does;
# here it is one of 1,797 handwritten digits from scikit-learn, saved as PNG files, a sub-folder for each
# class. It takes about a minute on two cores.

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import vae
from vae.reporting.figures import curves

# more words for every run below
MORE = ["evaluate.num_samples=50"]

home = Path(tempfile.mkdtemp())
pictures = home / "pictures"
digits = load_digits()
for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
    path = pictures / str(label) / f"{number:04}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.uint8(pixels * 255 / 16)).resize((16, 16)).save(path)
print(len(list(pictures.rglob("*.png"))), "pictures in", len(list(pictures.iterdir())), "folders")

# %% [markdown]
# ## Train
#
# `experiment=own_images` looks at the pictures and chooses size, colours and range, which the summary
# states. A tenth is kept for the test, chosen by content, so that copies are on one side. The likelihood
# is of 8-bit pixels as they are.

# %%
run = vae.fit(
    "experiment=own_images",
    f"data.root={pictures}",
    f"run_dir={home / 'run'}",
    "data.val_size=150",
    "model.encoder.channels=[16,32]",
    "model.decoder.channels=[32,16]",
    "trainer.max_epochs=30",
    *MORE,
)

# %%
curves(run.directory / "metrics.csv")

# %% [markdown]
# ## Evaluate
#
# log p(x) with more samples, and FID in the features of a classifier trained on these very pictures.

# %%
found = run.evaluate(num_samples=200, fid=500, pictures=0)
for name in ("elbo", "log_px", "bits_per_dim"):
    estimate = found.test[name]
    print(f"{name:12} {estimate.value:9.3f} ± {estimate.standard_error:.3f}")

# %%
run.generate("reconstructions", count=12)

# %%
run.generate("samples", count=12)

# %% [markdown]
# ## Search
#
# Codes of all pictures make an index; the command draws the nearest ones to a question.

# %%
index = run.search_index(root=pictures)
print(sorted(path.name for path in Path(index).iterdir()))

# %% [markdown]
# In a terminal: `python -m vae.search.query index=INDEX image=PICTURE`, or `python -m vae.app run=RUN` for
# all of this in a browser.
#
# ## Share
#
# Weights and a model card, which `vae.load` reads without the data, and `vae.export push=USER/NAME` sends
# to the Hugging Face Hub.

# %%
folder = Path(run.export("safetensors"))
print(sorted(path.name for path in folder.iterdir()))
print((folder / "README.md").read_text().split("---")[2][:600])
model = vae.load(folder)
model.sample(4).shape
