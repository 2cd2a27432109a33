"""Finds out a client's browser and place."""
