"""Broken servers: each is ours with one deliberate defect, and names the check that must catch it."""
