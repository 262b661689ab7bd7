"""Seal and open. Whoever opens shows an allowing decision; nothing here decides, and no value is ever logged."""
