"""The proxy MOS: normalised metrics, weights learned from ratings, and what they are sure of."""
