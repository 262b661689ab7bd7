"""Rows in, dataclasses out. Nothing here decides, and nothing here commits."""
