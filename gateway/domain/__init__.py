"""Nouns and transitions, pure: frozen values in, frozen values out; the time is a parameter."""
