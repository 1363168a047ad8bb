"""Rate limiters that bench/limits.py measures: Quire's and others."""
