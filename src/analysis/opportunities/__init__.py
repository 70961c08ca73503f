"""What customers hold, what else would suit them, and who offers it to whom."""
