# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Choosing
#
# A VAE is a likelihood, a prior, a posterior, two networks and an objective. Here each is swapped by one
# option while the rest stays, on MNIST with small networks and short training, and looked at in numbers
# that may be compared. It takes a quarter of an hour on one core.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import torch
from IPython.utils.capture import capture_output

import vae
from vae.reporting.figures import bars, grid
from vae.reporting.views import samples

# more words for every run below
MORE = ["evaluate.num_samples=50", "callbacks.pictures=null", "evaluate.surgery=0"]
# of the prior that is fitted afterwards
STEPS = 2000
SMALL = [
    "experiment=mnist_bernoulli",
    "model.encoder.hidden=[256]",
    "model.decoder.hidden=[256]",
    "trainer.max_epochs=3",
    *MORE,
]


def quietly(*words):
    """vae.fit, without its tables."""
    with capture_output():
        return vae.fit(*SMALL, *words)


# %% [markdown]
# ## Likelihoods, on the same grey digits
#
# A density of dequantised pixels and a probability of bytes read alike in bits per dimension, the former
# as a bound. MNIST's pixels are nearly all 0 or 255, which a mixture or a categorical can say and a
# single Gaussian cannot. (Binarised digits are other data, and their nats do not belong in this table.)

# %%
for name in ("gaussian", "laplace", "discretized_logistic"):
    found = quietly(f"model/likelihood={name}").results.test
    bits = found["bits_per_dim"]
    print(f"{name:22} {bits.value:.3f} ± {bits.standard_error:.3f} bits/dim")

# %% [markdown]
# ## Priors, against the aggregate posterior
#
# The aggregate posterior $q(z) = \mathbb{E}_x q(z \mid x)$ is what the encoder makes of all data. Where it
# differs from $p(z)$, samples are drawn from places that the decoder has not seen. In two dimensions both
# can be drawn: codes of test images by class, and contours of $\log p(z)$.

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for axis, (name, *words) in zip(
    axes,
    (("standard_normal",), ("vampprior", "model.prior.components=100"), ("flow",)),
    strict=True,
):
    run = quietly("model.latent_dim=2", f"model/prior={name}", *words)
    batch = next(run.data.batches("test", 2000))
    with torch.no_grad():
        z = run.model.encode(batch.x).sample()
        side = torch.linspace(float(z.min()) - 0.5, float(z.max()) + 0.5, 80)
        at = torch.cartesian_prod(side, side)
        density = run.model.prior().log_prob(at).reshape(80, 80)
    axis.scatter(z[:, 0], z[:, 1], c=batch.label, cmap="tab10", s=3)
    levels = torch.linspace(float(density.max()) - 6, float(density.max()), 7).tolist()
    axis.contour(side, side, density.T, levels=levels, colors="black", linewidths=0.5)
    axis.set(title=f"{name}: ELBO {run.results.test['elbo'].value:.1f}", aspect="equal")

# %% [markdown]
# ## Posteriors
#
# A normal of any covariance or an autoregressive flow comes closer to $p(z \mid x)$ than independent
# dimensions do. How much closer, log p(x) - ELBO says: the KL that the bound loses.

# %%
for name in ("diagonal_normal", "full_covariance_normal", "iaf"):
    test = quietly("model.latent_dim=8", f"model/posterior={name}").results.test
    px, elbo = test["log_px"].value, test["elbo"].value
    print(f"{name:22} log p(x) {px:.2f}  ELBO {elbo:.2f}  difference {px - elbo:.2f} nats")

# %% [markdown]
# ## The plane of rate and distortion
#
# $\beta$ weighs the rate, and each value of it ends at another point of the plane (Alemi et al., 2018).
# The ELBO is best near $\beta = 1$: lines of equal ELBO fall at 45 degrees.

# %%
points = {}
for beta in (0.25, 0.5, 1, 2, 4):
    test = quietly("objective=beta", f"objective.beta={beta}").results.test
    points[beta] = test["rate"].value, test["distortion"].value
figure, axis = plt.subplots(figsize=(5.5, 4), layout="constrained")
axis.plot(*zip(*points.values(), strict=True), "o-")
for beta, at in points.items():
    axis.annotate(rf"  $\beta$ = {beta}", at)
axis.set(xlabel="rate (nats)", ylabel="distortion (nats)")
axis.grid(alpha=0.3)

# %% [markdown]
# ## Collapse, made and cured
#
# With a large weight from the start, many dimensions never leave the prior: their variance over the data,
# $\mathrm{Var}_x(\mathbb{E}_q[z_d])$, stays below 0.01. Free bits leave each of them some nats for nothing.

# %%
collapsed = quietly("objective=beta", "objective.beta=10")
cured = quietly("objective=free_bits", "objective.nats=0.5")
for run in (collapsed, cured):
    latents = run.results.latents
    display(bars(latents.variance, latents.rate_per_dimension, 0.01))

# %% [markdown]
# ## Other families
#
# Two layers of latents, and a model that is told the digit, with a prior p(z|c) for each: one line each. The
# test of the latter reports log p(x|c). Each row of samples is of one class.

# %%
deep = quietly("model=hierarchical", "model.layers=[16,8]")
print("rate of each layer:", [round(layer.rate.value, 2) for layer in deep.results.latents.layers])
told = quietly("model.condition=label", "model/prior=conditional_normal")
print(f"log p(x|c) {told.results.test['log_px'].value:.2f}")
with torch.no_grad():
    label = torch.arange(10).repeat_interleave(12)
    picture = grid(samples(told.model.given(label), 120), 12)
picture

# %% [markdown]
# ## Discrete codes, and a prior fitted afterwards
#
# With vector quantisation $z$ is 16 vectors of a list of 64. The encoder is certain of one code, so that the
# ELBO is $\log p(x \mid z) + \log p(z)$, a bound in which one of all codes counts; under a uniform prior its
# rate is $16 \log 64 = 66.5$ nats whatever the image, and samples are codes that no image has. A transformer
# that is fitted to the codes of training images knows which ones go together. Left are samples of the
# uniform prior, right of the fitted one.

# %%
codes = quietly(
    "model/posterior=vq",
    "model.latent_dim=64",
    "model.posterior.length=4",
    "model.posterior.classes=64",
    "model/prior=uniform",
)
with capture_output():
    fitted = codes.fit_prior("transformer", "model.prior.width=64", steps=STEPS)
    again = fitted.evaluate(num_samples=1, surgery=0, probe=0, fid=0, pictures=0).test
found = codes.results
print(f"perplexity {found.latents.codes.perplexity:.1f} of 64 vectors")
print(
    f"bound {found.test['elbo'].value:.1f} nats with p(z) uniform, {again['elbo'].value:.1f} fitted"
)
figure, axes = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
for axis, run, title in ((axes[0], codes, "uniform"), (axes[1], fitted, "transformer")):
    with torch.no_grad():
        axis.imshow(grid(samples(run.model, 64), 8), cmap="gray")
    axis.set_title(title)
    axis.set_axis_off()

# %% [markdown]
# ## An adversary in place of the KL
#
# An adversarial autoencoder (Makhzani et al., 2016) has no rate: a second network tells codes from draws of
# $p(z)$, and the encoder learns to make that impossible. There is no bound of $\log p(x)$ then, but the codes
# fill the prior as those of a VAE do. The circles hold half, and nine tenths, of $N(0, I)$.

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
for axis, (title, *words) in zip(
    axes,
    (
        ("autoencoder", "model/posterior=delta", "objective=reconstruction"),
        ("adversarial", "model/posterior=delta", "objective=adversarial"),
        ("ELBO",),
    ),
    strict=True,
):
    run = quietly("model.latent_dim=2", *words)
    batch = next(run.data.batches("test", 2000))
    with torch.no_grad():
        z = run.model.encode(batch.x).sample()
    axis.scatter(z[:, 0], z[:, 1], c=batch.label, cmap="tab10", s=3)
    for share in (0.5, 0.9):
        radius = (-2 * torch.tensor(1 - share).log()).sqrt()
        axis.add_patch(plt.Circle((0, 0), radius, fill=False))
    axis.set(title=title, aspect="equal")

# %% [markdown]
# Maps of codes for pictures (`model=spatial`, `experiment=autoencoder_kl`), ladders of many layers
# (`model=ladder`) and models that learn classes from a few labels (`model=m2`) take longer to train:
# docs/families.md has their commands, docs/results.md their numbers.
