"""Objective metrics O_i of the proxy MOS (the paper's eq. 5): one file each.

Each is a class with a `card` (direction, needs, licence), `load(weights)` and `score(media)`, which
gives a number or raises `Unavailable`.
"""
