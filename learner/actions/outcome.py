"""What a round's ratings say: how the proxy before it did on them, what moved, what to do next."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotator.models import Clip
from learner.actions.plans import next_stage
from learner.actions.triggers import moved_weights, why_train
from learner.models import ProxyWeights, Query, Round
from learner.selectors import labelled_clips, metric_values
from mos.planning import sequence_half_width

FEWEST_JUDGED = 2
TARGET_MOS = 0.25  # half-width at which the proxy's error is known well enough to stop
TOLERABLE_MOS = 0.5  # mean error that is as small as a few raters' own
SMALL_GAIN = 0.01  # in correlation: what another round gains then is not worth its ratings
PLANNED_CLIPS = 60  # where the confidence sequence is narrowest
ACTIONS = {
    "another_round": "Launch another round",
    "retrain": "Retrain the network",
    "stop": "Stop collecting",
}


def outcome_of(round_: Round, values: dict[str, Any]) -> dict[str, Any]:
    """Of a round whose ratings are in, beside the weights that were just learned with them.

    Args:
        round_: The round.
        values: Fields of its ProxyWeights, not yet kept.
    """
    before = (
        ProxyWeights.objects.filter(campaign=round_.campaign, target=round_.target)
        .exclude(round=round_)
        .filter(created_at__gt=round_.campaign.created_at)
        .select_related("normalisation")
        .first()
    )
    judged = _judge_before(round_, before) if before else {}
    moved = moved_weights(before, values) if before else []
    found: dict[str, Any] = {
        "before": before.pk if before else None,
        "judged": judged,
        "error": _error_so_far(round_, judged),
        "moved": moved,
        "pcc": _pcc(values["fit"]),
        "pcc_before": _pcc(before.fit) if before else None,
        "n_clips": values["n_clips"],
        "n_clips_before": before.n_clips if before else 0,
        "retrain": why_train(round_.campaign, round_.target, values),
    }
    return {**found, "advice": _advice(round_, found)}


def _judge_before(round_: Round, before: ProxyWeights) -> dict[str, Any]:
    """The proxy as it was, on clips it had no part in choosing or learning from, and on all."""
    asked = Query.objects.filter(round=round_).select_related("clip")
    rows = {
        "reserve": [query.clip for query in asked if query.is_reserve],
        "all": [query.clip for query in asked],
    }
    return {
        name: _calibration_on(round_, before, clips)
        for name, clips in rows.items()
        if len(clips) >= FEWEST_JUDGED and not before.fit["line"]["reason"]
    }


def _calibration_on(round_: Round, before: ProxyWeights, asked: list[Clip]) -> dict[str, Any]:
    from learner.proxy.calibration import calibration

    labelled = labelled_clips(round_.campaign, round_.target)
    clips = [clip for clip in asked if clip.pk in labelled.mos]
    if len(clips) < FEWEST_JUDGED:
        return {"n": len(clips)}
    mos = np.array([labelled.mos[clip.pk] for clip in clips])
    said = proxy_of(before, clips, k_ratings=round_.ratings_per_clip)
    judged = calibration(
        said.mos_raw, said.epistemic_var, said.total_var, mos, low=said.low, high=said.high
    )
    errors = np.abs(said.mos_raw - mos)
    return {
        **judged.to_json(),
        "holds": judged.holds,
        "bias": float((said.mos_raw - mos).mean()),
        "errors": errors.round(4).tolist(),
    }


def _error_so_far(round_: Round, judged: dict[str, Any]) -> dict[str, Any]:
    """Mean error on random clips of all rounds, each by the proxy that was there before it.

    Each clip is judged by a proxy that has not seen it, in the order of rounds, so the confidence
    sequence holds whenever one looks: of the mean error of the proxies so far.
    """
    earlier = round_.campaign.rounds.filter(number__lt=round_.number, target=round_.target)
    errors = [
        error
        for outcome in earlier.order_by("number").values_list("outcome", flat=True)
        for error in outcome.get("judged", {}).get("reserve", {}).get("errors", [])
    ]
    errors += judged.get("reserve", {}).get("errors", [])
    if len(errors) < 2:
        return {"n": len(errors), "mae": None, "half_width": None}
    spread = float(np.std(errors, ddof=1))
    half = float(sequence_half_width([spread], [len(errors)], planned_n=PLANNED_CLIPS)[0])
    known = half if np.isfinite(half) else None
    return {"n": len(errors), "mae": float(np.mean(errors)), "half_width": known}


def proxy_of(weights: ProxyWeights, clips: list[Clip], *, k_ratings: float | None = None) -> Any:
    """Proxy MOS of clips by kept weights and the normalisation they rest on.

    Raises:
        ValueError: the weights have no rising line to MOS.
    """
    return proxy_by(weights, metric_values(clips, weights.metrics), k_ratings=k_ratings)


def proxy_by(weights: ProxyWeights, values_NM: Any, *, k_ratings: float | None = None) -> Any:
    """As `proxy_of`, from values of the weights' metrics, shape (N, M); NaN where there is none."""
    from learner.proxy.missing import Moments, fill_missing
    from learner.proxy.normalise import normalisation_from_json
    from learner.proxy.result import proxy_mos

    norm = normalisation_from_json(weights.normalisation.parameters)
    kept = weights.normalisation.moments
    filled = fill_missing(norm.transform(values_NM), Moments.from_json(kept) if kept else None)
    fit = weights.as_fit()
    added = filled.added_variance(fit.weights)
    return proxy_mos(fit, filled.values, added, k_ratings=k_ratings)


def _pcc(fit: dict[str, Any]) -> dict[str, Any] | None:
    """Correlation of the weights used with MOS, of clips left out."""
    rows = {row["name"]: row for row in fit["agreements"]}
    return rows.get("weights used") or rows.get("learned weights") or rows.get("equal weights")


def _advice(round_: Round, found: dict[str, Any]) -> list[dict[str, str]]:
    """What to do next, the first the most urgent, each with its reason."""
    reserve = found["judged"].get("reserve", {})
    has_drifted = reserve.get("holds") is False
    reasons = [found["retrain"]] if found["retrain"] else []
    if has_drifted:
        reasons.append("intervals of the proxy no longer hold on the random clips of this round")
    advice = [_say("retrain", "; ".join(reasons))] if reasons else []
    return [*advice, _next_step(round_, found, has_drifted=has_drifted)]


def _next_step(round_: Round, found: dict[str, Any], *, has_drifted: bool) -> dict[str, str]:
    """Stop, where more labels would change nothing; else another round."""
    error, stage = found["error"], next_stage(round_.plan)
    half, mae = error["half_width"], error["mae"]
    is_known = half is not None and half <= TARGET_MOS
    if is_known and not found["moved"] and not has_drifted:
        words = (
            f"on {error['n']} random clips the proxy errs by {mae:.2f} ± {half:.2f} MOS points, by "
            "a confidence sequence, which may be looked at after every round"
        )
        if mae <= TOLERABLE_MOS:
            return _say("stop", f"{words}; no weight moved")
        if _gain(found) <= SMALL_GAIN:
            return _say(
                "stop",
                f"{words}. That is much, but more labels no longer help: correlation gained "
                f"{_gain(found):+.3f} in this round. Better metrics would",
            )
    if stage:
        shares = len(stage["shares"])
        return _say(
            "another_round",
            f"stage {stage['stage']} of {shares} of the plan is next: "
            f"{stage['budget_ratings']} ratings",
        )
    known = "is not known yet" if half is None else f"is {mae:.2f} ± {half:.2f} MOS points"
    return _say(
        "another_round",
        f"the proxy's error on random clips {known} ({error['n']} clips of the reserves so far; "
        f"± {TARGET_MOS} takes some {PLANNED_CLIPS})",
    )


def _gain(found: dict[str, Any]) -> float:
    """Of correlation over the fit before; infinite where one of them is not known."""
    now, before = found["pcc"], found["pcc_before"]
    known = now and before and now["pcc"] is not None and before["pcc"] is not None
    return now["pcc"] - before["pcc"] if known else float("inf")


def _say(action: str, reason: str) -> dict[str, str]:
    return {
        "action": action,
        "title": ACTIONS[action],
        "reason": f"{reason[0].upper()}{reason[1:]}.",
    }
