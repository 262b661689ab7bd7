"""Wrap and unwrap. The root key never leaves its provider; nothing here knows what the wrapped keys protect."""
