"""Statements beside the functions that run them: one module for each subject."""
