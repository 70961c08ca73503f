"""Who leaves, who may leave, and whom to call."""
