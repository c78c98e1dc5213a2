# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # VAE, the basics
#
# An autoencoder squeezes an image $x$ into a short vector and rebuilds it. A *variational*
# autoencoder does the same with a distribution in the middle, and so becomes a model of the images
# themselves: draw a vector from the prior, decode it, and you have a new image.
#
# This notebook walks through the article this project grew out of, with the article's own network,
# `experiment=basics`, trained for three epochs instead of thirty. It takes some four minutes on two cores.

# %%
# %matplotlib inline
import torch
from IPython.utils.capture import capture_output
from torch.distributions import Normal, kl_divergence

import vae
from vae.objectives.elbo import ELBO
from vae.reporting.figures import curves, grid
from vae.reporting.views import manifold, reconstructions

# more words for every run below
MORE = ["evaluate.num_samples=50", "callbacks.pictures=null", "evaluate.surgery=0"]


def quietly(*words):
    """vae.fit, without its tables after the first."""
    with capture_output():
        return vae.fit("experiment=basics", *words, *MORE)


run = vae.fit("experiment=basics", "trainer.max_epochs=3", *MORE)
model, data = run.model, run.data

# %% [markdown]
# ## The network and its two heads
#
# Two linear layers with LeakyReLU(0.2), then two linear heads to 200 dimensions, one for the mean
# and one for the logarithm of the variance. They stand side by side in one layer of 400 outputs.
# Nothing in them makes them a mean and a variance: the KL term of the loss does.

# %%
print(model.encoder)
x = next(data.batches("test", 100)).x
q = model.encode(x)
mean, log_variance = model.encoder(x).chunk(2, dim=-1)
assert torch.equal(q.mean, mean)
torch.testing.assert_close(q.variance, log_variance.exp())
print(q.batch_shape, q.event_shape)

# %% [markdown]
# ## Reparameterisation
#
# A draw $z \sim \mathcal{N}(\mu, \sigma^2)$ has no gradient with respect to $\mu$. Written as
# $z = \mu + \sigma \varepsilon$ with $\varepsilon \sim \mathcal{N}(0, I)$ it has; `rsample` does just that.
#
# Without it a gradient can still be had, from $\nabla_\mu \mathbb{E}_q f(z) = \mathbb{E}_q[f(z) \nabla_\mu \log q(z)]$,
# but it is far noisier. Here $f(z) = z^2$, whose exact gradient is $2 \mu = 2$:

# %%
assert q.rsample((1,)).requires_grad
assert not q.sample((1,)).requires_grad
mu = torch.tensor(1.0, requires_grad=True)
gradients = {"reparameterised": [], "without": []}
for _ in range(2000):
    p = Normal(mu, 1.0)
    gradients["reparameterised"] += torch.autograd.grad(p.rsample().square(), mu)
    z = p.sample()
    gradients["without"] += torch.autograd.grad(z.square() * p.log_prob(z), mu)
for name, found in gradients.items():
    found = torch.stack(found)
    print(f"{name:16} mean {found.mean():.2f}, standard deviation of one draw {found.std():.2f}")

# %% [markdown]
# ## The bound and its two terms
#
# $$\log p(x) = \underbrace{\mathbb{E}_q \log p(x \mid z) - \mathrm{KL}(q(z \mid x) \,\|\, p(z))}_{\text{ELBO}}
#   + \underbrace{\mathrm{KL}(q(z \mid x) \,\|\, p(z \mid x))}_{\text{unknown, but} \geq 0}$$
#
# The first term is minus the *distortion* (cross-entropy, for Bernoulli pixels), the second the
# *rate*. To a standard normal prior the rate has a closed form,
# $-\tfrac{1}{2} \sum_d (1 + \log \sigma_d^2 - \mu_d^2 - \sigma_d^2)$.

# %%
record = model(x, num_samples=1)
terms = ELBO()(record)

mean, variance = record.posterior.mean, record.posterior.variance
rate = -0.5 * (1 + variance.log() - mean.square() - variance).sum(-1)
torch.testing.assert_close(terms.rate, rate)

probability = record.likelihood.mean[0]
cross_entropy = -(x * probability.log() + (1 - x) * (1 - probability).log()).sum((1, 2, 3))
torch.testing.assert_close(terms.distortion, cross_entropy, rtol=1e-3, atol=1e-2)

print(
    f"distortion {terms.distortion.mean():.1f} + rate {terms.rate.mean():.1f}"
    f" = -ELBO {-terms.elbo.mean():.1f} nats per image"
)

# %% [markdown]
# Where everything is a normal, all terms are known, and the identity can be looked at:
# $z \sim \mathcal{N}(0, 1)$ and $x \mid z \sim \mathcal{N}(2 z, 1)$, so that $x \sim \mathcal{N}(0, 5)$
# and $z \mid x \sim \mathcal{N}(2x/5, 1/5)$. For any $q$, the ELBO falls short by just the KL:

# %%
observed = torch.tensor(1.5)
log_px = Normal(0.0, 5**0.5).log_prob(observed)
true = Normal(2 * observed / 5, 0.2**0.5)
for loc, scale in ((0.6, 0.2**0.5), (0.6, 0.3), (0.0, 0.5)):
    guess = Normal(torch.tensor(loc), torch.tensor(scale))
    # E_q of the quadratic log p(x|z) is exact too
    expected = Normal(2 * guess.mean, 1.0).log_prob(observed) - 2 * guess.variance
    elbo = expected - kl_divergence(guess, Normal(0.0, 1.0))
    gap = kl_divergence(guess, true)
    torch.testing.assert_close(log_px - elbo, gap)
    print(f"q = N({loc}, {scale:.2f}^2): ELBO {elbo:.3f} + KL {gap:.3f} = log p(x) {log_px:.3f}")

# %% [markdown]
# Both terms while training, and on the validation set, in nats per image:

# %%
curves(run.directory / "metrics.csv")

# %% [markdown]
# ## How many samples?
#
# The expectation is a mean over $L$ samples of $z$. With $L = 1$, as in practice, it is noisy but
# right on average; more samples only take noise away.

# %%
with torch.no_grad():
    for num_samples in (1, 10, 50):
        elbos = torch.stack([ELBO()(model(x, num_samples)).elbo.mean() for _ in range(20)])
        print(
            f"L = {num_samples:2d}: ELBO {elbos.mean():.2f}, standard deviation {elbos.std():.3f}"
        )

# %% [markdown]
# ## Reconstructions
#
# Test images, each row above the row of what comes back through the mean of its posterior.

# %%
with torch.no_grad():
    picture = grid(reconstructions(model, x[:36], 12), 12)
picture

# %% [markdown]
# ## New images, and why an autoencoder has none
#
# The same network without a distribution in the middle is an autoencoder: its codes are points, trained
# on the reconstruction alone. Both decode draws from $\mathcal{N}(0, I)$ here, the VAE above. What the
# autoencoder was never asked to do, it does not do.

# %%
words = ["model/posterior=delta", "objective=reconstruction", "trainer.max_epochs=3"]
plain = quietly(*words)
with torch.no_grad():
    z = torch.randn(12, 200)
    picture = grid(torch.cat([model.decode(z).mean, plain.model.decode(z).mean]), 12)
picture

# %% [markdown]
# ## A latent space one can look at
#
# With two dimensions the whole space fits on a page: the quantiles of the prior along each axis,
# decoded. Neighbours look alike (continuity), and every place decodes to something (completeness).

# %%
flat = quietly("model.latent_dim=2", "trainer.max_epochs=3")
with torch.no_grad():
    picture = grid(manifold(flat.model, 20), 20, gap=0)
picture

# %% [markdown]
# ## Gaussian pixels, and what sigma does
#
# Another likelihood is one word. Pixels are then dequantised instead of binarised, the density has
# its normalising constant, and the result also reads as bits per dimension. With $\sigma = 1$ the
# distortion is half a squared error, so small beside the rate that hardly anything is encoded; a learned
# $\sigma$ finds its own weight.

# %%
for scale in ("1.0", "shared"):
    words = ["model/likelihood=gaussian", f"model.likelihood.scale={scale}"]
    grey = quietly(*words, "trainer.max_epochs=2")
    test = grey.results.test
    print(
        f"scale={scale}: rate {test['rate'].value:.1f} nats, {test['bits_per_dim'].value:.2f} bits/dim"
    )
    with torch.no_grad():
        grey_x = next(grey.data.batches("test", 12)).x
        display(grid(reconstructions(grey.model, grey_x, 12), 12))

# %% [markdown]
# ## Noise that is no part of the signal
#
# The article's motive for the distribution in the middle: noise that has nothing to do with the digit
# has no place in z. Some of the pixels of each test image are flipped, and of what comes back, pixels are
# counted that differ from the clean image. Neither network has seen noise in training. Where less is
# wrong in what comes back than in what went in, noise was filtered out; below that, what the network
# cannot draw weighs more.

# %%
torch.manual_seed(0)
clean = next(data.batches("test", 2000)).x
rows = []
print("pixels that are wrong: in, after the VAE, after the autoencoder")
with torch.no_grad():
    for share in (0.0, 0.1, 0.2, 0.3):
        noisy = torch.where(torch.rand_like(clean) < share, 1 - clean, clean)
        back = [one.decode(one.embed(noisy)).mean for one in (model, plain.model)]
        wrong = [(image > 0.5) != (clean > 0.5) for image in (noisy, *back)]
        print("  ".join(f"{w.float().mean():6.1%}" for w in wrong))
        if share == 0.2:
            rows = [clean[:12], noisy[:12], *(image[:12] for image in back)]
grid(torch.cat(rows), 12)

# %% [markdown]
# ## Similar images
#
# The article's other system is an image search: every image becomes a latent vector, and the
# nearest vectors are the most similar images. First column: the question. Below, the share of the ten
# nearest that are the same digit, for both kinds of code.

# %%
collection, questions = next(data.batches("val", 5000)), next(data.batches("test", 500))
with torch.no_grad():
    for name, one in (("VAE", model), ("autoencoder", plain.model)):
        distance = torch.cdist(one.embed(questions.x), one.embed(collection.x))
        nearest = distance.topk(10, largest=False).indices
        right = (collection.label[nearest] == questions.label[:, None]).float().mean()
        print(f"{name}: precision@10 {right:.3f}")
        if one is model:
            found = torch.cat([questions.x[:6, None], collection.x[nearest[:6]]], dim=1)
grid(found.flatten(0, 1), 11)

# %% [markdown]
# ## Next
#
# `python -m vae.train experiment=basics` trains the same network for its thirty epochs;
# `02_choosing.ipynb` swaps its parts, and `03_own_data.ipynb` takes pictures of yours.
