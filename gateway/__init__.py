"""Lianqiao: the gateway through which institutions share exactly what may be shared."""

__version__ = "0.1.0"
