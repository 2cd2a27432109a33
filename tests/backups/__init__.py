"""The restore drill: a back-up taken while clients work, restored as the page about it says."""
