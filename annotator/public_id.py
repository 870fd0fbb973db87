"""Opaque names for what raters may see: they tell nothing and cannot be guessed."""

from __future__ import annotations

import secrets

PUBLIC_ID_LENGTH = 16


def new_public_id() -> str:
    """A random name of 16 hexadecimal digits (64 bits).

    >>> len(new_public_id()) == PUBLIC_ID_LENGTH
    True
    """
    return secrets.token_hex(PUBLIC_ID_LENGTH // 2)
