"""Which counts no page may show, over all branches and the whole bank at once."""
