"""Template tags of the run pages."""
