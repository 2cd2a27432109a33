"""Lies that nobody wrote down: derived from the contract, sampled by a seed, told to the suite one at a time."""
