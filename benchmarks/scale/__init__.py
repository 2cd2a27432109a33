"""How much each operation grows with the data: `python -m benchmarks.scale`."""
