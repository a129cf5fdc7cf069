"""What the platform knows: documents in, passages out."""
