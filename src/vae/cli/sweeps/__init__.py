"""What a sweep's jobs say together."""
