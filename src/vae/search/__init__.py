"""Images that are near each other in a model's latent space."""
