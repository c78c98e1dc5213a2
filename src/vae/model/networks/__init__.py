"""Tensor to tensor: (N, *in_shape) to (N, *out_shape)."""
