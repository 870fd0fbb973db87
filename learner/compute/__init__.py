"""Running parts over many clips: in processes of this machine, or on a Ray cluster.

Both engines take the same orders and give the same answers; they differ in where the work is done.
Nothing here knows the database: what is to be computed comes in, what came of it goes out.
"""

from learner.compute.engines import ENGINES, Engine, engine_of
from learner.compute.orders import Answer, Done, Order, Source

__all__ = ["ENGINES", "Answer", "Done", "Engine", "Order", "Source", "engine_of"]
