"""Quire's database room: migrations and functions, and what talks to PostgreSQL but knows nothing of HTTP."""
