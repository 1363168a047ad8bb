"""Quire's HTTP room: a thin Starlette layer over the SQL functions of schema ``api``, and the command line."""

__version__ = "0.1.0"
