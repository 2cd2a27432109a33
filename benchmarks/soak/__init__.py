"""Hours of mixed work at a part of what the server can do: does anything grow that should not?"""
