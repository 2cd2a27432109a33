"""Made-up people, sessions and traffic, for `sojourn demo` and `sojourn seed`."""
