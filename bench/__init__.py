"""How fast the gateway is, always beside something else that was measured in the same run: `python -m bench`."""
