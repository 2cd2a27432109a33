"""Instructions per operation: a measure that a busy machine does not change."""
