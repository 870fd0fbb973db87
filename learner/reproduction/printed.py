"""What the paper prints, as far as it is at hand, and what in it does not add up.

A number stands here only where it was read in the paper's own tables or follows from one that was;
all others are said to be not at hand.
"""

from __future__ import annotations

from learner.reproduction.table import NOT_AT_HAND

OTHERS = (
    "Other clips, languages and systems, rated by other people: a correlation depends on how much "
    "the clips at hand differ, so the same way of scoring has another one on another set.",
)
ENCODERS = (
    "Other encoders and metrics, where the paper's weights are in no package: the page of parts "
    "says which stand in for which.",
)
OUT_OF_FOLD = (
    "All figures here are of clips out of fold, with all dubs of one source in one fold. The paper "
    "speaks of 4 folds and of a split of 80 to 20, and its 2000 originals share sources with the "
    "dubs: which clips were judged by what is not told.",
)
NO_INTERVALS = ("Print has no intervals; those here draw whole sources anew.",)
LEVELS = (
    "Clips and systems are told apart here: means over a system's clips hide most of the noise, so "
    "that correlations of systems are higher. A printed figure may be of either.",
)

RELIABILITY = {"overall": "ICC1 .69, ICC2 .59, alpha .82"}
RELIABILITY_APART = (
    OTHERS[0],
    "Print names ICC1 and ICC2 as individual and aggregated; they are the forms (1,1) and (2,1) of "
    "one rating, by Shrout and Fleiss (1979). It is not told over what alpha was taken, raters or "
    "aspects, nor who rated what.",
)
RELIABILITY_ODD = (
    "Aggregated scores cannot be less reliable than single ones, as .59 below .69 would have it.",
    "Alpha .82 equals ICC(3,k): with a single rating at .69 that is k = 2.05 raters, at .59 it is "
    "3.2. Thirty raters on the same 45 clips would put a single rating at .13.",
)

ABLATION = {
    "equal": "PCC .22; of which table is not at hand",
    "proxy": "PCC .82, the linear proxy",
    "all": "PCC .76, MSE 3.88",
}
ABLATION_ODD = (
    "Every MSE of table 2 in print lies between 3.8 and 4.4. No score from 1 to 5 has a variance "
    "above 4, so saying the same of every clip would do as well or better: an error of scale or "
    "offset. MSE after the line and R² stand here, for they tell that from a lack of agreement.",
    "Audio, video and text together have MSE 3.88 in table 2 and 2.70 in table 5, with the same "
    "correlations.",
    "The linear proxy (.82) is above the deep model (.76): here they stand in one table.",
    "Equal weights at .22 look like metrics summed in their own units and directions; turned, on "
    "one scale, they are hard to beat.",
)

CALIBRATION = "APV .51, PICP 78 to 86 %, MPIW .82 to .58; ECE not at hand"
CALIBRATION_APART = (
    *OTHERS,
    "The level that was promised is not told in print; here it stands in the table.",
    "Here a target is said: the MOS of a clip that had no part in the fit, raters' noise and all.",
)
CALIBRATION_ODD = (
    "APV .51 is a standard deviation of .71, whose interval at 95 % is 2.8 wide: not .82, nor .70 "
    "as a share of the scale. One of them may be of the weights alone.",
    "APV falls with labels almost by itself; whether intervals hold says more.",
)

STRATEGY = "AL .82, random .76 at 100 %"
STRATEGY_APART = (
    *OTHERS,
    "Print has no interval; here are many paired replays with the same splits and test clips. One "
    "run proves little: two random designs of 60 labels differ by .1 in correlation often enough.",
    "Here a budget is a third of the pool, so that there is something to choose at 100 % too.",
)
STRATEGY_ODD = (
    "At 100 % of a pool both ways have the same clips, so .82 against .76 is no effect of choosing "
    "unless the pool was larger than the budget.",
    "R² is above the square of PCC in four of six rows (.69 for .672, .62 for .578, .61 for .593, "
    ".55 for .533), which no one set of clips can have.",
    "p = .18, .07 and .03 are three tests; after Holm the best of them is .09.",
)

STAGES = {"al_ft": "PCC .76, MSE 2.70"}
STAGES_ODD = (ABLATION_ODD[1],)

FIGURE = "not at hand"
FIGURE_APART = (*OTHERS, *ENCODERS, *NO_INTERVALS)


def printed(known: dict[str, str], key: str) -> str:
    """What print says of a row, or that it is not at hand.

    >>> printed(ABLATION, "all"), printed(ABLATION, "audio")
    ('PCC .76, MSE 3.88', 'not at hand')
    """
    return known.get(key, NOT_AT_HAND)
