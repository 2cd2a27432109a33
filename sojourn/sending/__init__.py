"""Sends events to the endpoints of the tenants."""
