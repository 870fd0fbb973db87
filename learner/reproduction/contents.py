"""What a report holds, in order; and a table that could not be made, with the reason."""

from __future__ import annotations

from learner.reproduction.table import Table

TITLES = {
    "table-1": "Table 1: reliability of the ratings",
    "table-2": "Table 2: what each modality adds",
    "table-3": "Table 3: calibration of the proxy and of the network",
    "table-4": "Table 4: choosing clips against random",
    "table-5": "Table 5: weights of the proxy by stages of training",
    "figure-2": "Figure 2: each metric alone",
    "gates": "Gates by condition",
    "unusual-gates": "Clips with unusual gates",
}


def not_made(key: str, reason: str) -> Table:
    """A table's place, and why it is empty.

    >>> not_made("table-4", "Rate 3 more.").missing
    'Rate 3 more.'
    """
    return Table(key, TITLES[key], missing=reason)
