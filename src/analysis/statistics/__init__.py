"""What several subjects compute: intervals, corrections, regression."""
