"""Query strategies: one file each, speaking modAL's protocol.

A strategy is a class with a `card` that extends `protocol.Strategy` and says in `choose` which
clips of a pool it wants, with a score and a sentence for each.
"""
