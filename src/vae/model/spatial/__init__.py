"""Networks between images and maps of latents, as the first stage of latent diffusion has them."""
