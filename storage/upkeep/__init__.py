"""What is done to many rows at once, beside the requests: housekeeping, purging, bulk loading."""
