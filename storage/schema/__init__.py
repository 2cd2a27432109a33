"""Tables and columns, functions of SQL that have two names, and the way from one revision to the next."""
