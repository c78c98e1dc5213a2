"""Images, from a file on disk to a batch on the device."""
