"""The demo bank: made from a seed, with planted truths that only tests and benchmarks read."""
