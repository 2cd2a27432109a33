"""Upgrades while clients work, with a process of the earlier release beside the present one: `tox -e upgrade`."""
