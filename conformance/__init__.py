"""Judges any server that claims the contract, from outside, over HTTP."""
