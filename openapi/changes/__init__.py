"""What changed in the contract since its last release, and what that means for callers."""
