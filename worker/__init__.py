"""Quire's worker room: procrastinate tasks that drain the indexing queue and look after the database."""
