"""Encoders: one file each. A clip goes in, a vector comes out, or `Unavailable` says why not.

Each is a class with a `card` (kind, width, needs, licence), `load(weights)` and `embed(media)`.
"""
