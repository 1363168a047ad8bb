"""Markdown to typed blocks (`parse`), back (`render`), and a changed file against its stored page (`align`)."""
