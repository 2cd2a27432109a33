"""What is found out about a client: its browser, its place."""
