"""How well an objective score agrees with MOS.

Dubs of one source are alike, so sources and not clips are what is drawn.
"""

from mos.agreement.figures import FIGURES
from mos.agreement.table import AgreementTable, Figure, agreement_table

__all__ = [
    "FIGURES",
    "AgreementTable",
    "Figure",
    "agreement_table",
]
