"""Hierarchies of spatial latents, from the top down."""
