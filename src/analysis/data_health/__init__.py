"""Whether the data is whole, right, of one mind and in time, and what its faults do to reports."""
