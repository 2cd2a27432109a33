"""Problem documents and their pages, in every language."""
