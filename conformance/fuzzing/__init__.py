"""Contract fuzzing by Schemathesis: every phase, every check, links by hand, two tenants that must never meet."""
