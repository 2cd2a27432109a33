"""Endpoints to which events are sent."""
