"""What the pages need beyond Sphinx and its theme, to become a site."""
