"""How well an objective score agrees with MOS, and whether one agrees better than another.

Dubs of one source are alike, so sources and not clips are what is drawn and flipped.
"""

from mos.agreement.comparison import (
    SignFlipTest,
    WilliamsTest,
    holm,
    sign_flip_test,
    williams_test,
)
from mos.agreement.figures import FIGURES
from mos.agreement.table import AgreementTable, Figure, agreement_table

__all__ = [
    "FIGURES",
    "AgreementTable",
    "Figure",
    "SignFlipTest",
    "WilliamsTest",
    "agreement_table",
    "holm",
    "sign_flip_test",
    "williams_test",
]
