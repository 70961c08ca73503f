"""How customers move between groups, what happens to them, and what they are worth."""
