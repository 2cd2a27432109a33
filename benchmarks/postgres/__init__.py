"""What the service costs on PostgreSQL: beside an older commit, beside the bare statement, beside its peers."""
