"""What a hierarchy of latents is made of."""
