"""A bank's customer analytics: see README.md."""
