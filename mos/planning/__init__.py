"""How many ratings to ask for."""

from mos.planning.design import Budget, Plan, RatersNeeded, budget_plan, plan, raters_needed

__all__ = ["Budget", "Plan", "RatersNeeded", "budget_plan", "plan", "raters_needed"]
