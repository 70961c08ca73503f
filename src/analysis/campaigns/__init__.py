"""Whether campaigns worked, for whom, and what the next one needs to show it."""
