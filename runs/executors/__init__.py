"""Where started steps run."""
