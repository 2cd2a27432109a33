"""The pages people look at: plain modules for browsers, and what serves them.

A page is a client of the public contract and of nothing else. What stands in `vendor/` is published by others and
pinned in `vendor/pins.json`; `python -m sojourn.console.vendoring` holds it against the registry.
"""
