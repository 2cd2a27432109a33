"""Checks any server that claims to implement the contract, from outside, over HTTP."""
