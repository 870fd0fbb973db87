"""How many ratings to ask for: before collecting by a D-study, while collecting by a stopping rule
that may be looked at as often as one likes.
"""

from mos.planning.design import (
    Budget,
    Plan,
    RatersNeeded,
    budget_plan,
    plan,
    raters_needed,
)
from mos.planning.stopping import (
    Watch,
    sequence_half_width,
    watch_differences,
    watch_means,
)

__all__ = [
    "Budget",
    "Plan",
    "RatersNeeded",
    "Watch",
    "budget_plan",
    "plan",
    "raters_needed",
    "sequence_half_width",
    "watch_differences",
    "watch_means",
]
