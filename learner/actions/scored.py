"""What is told of one clip by a model: the DubScore, what it rests on, and what to beware of."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotator.models import Clip
from annotator.selectors import has_simulated_ratings
from learner.actions.jobs import NotPossible
from learner.actions.measuring import Measured
from learner.actions.outcome import proxy_by
from learner.actions.rescoring import said_of, specs_of
from learner.fusion.inputs import encoders_of
from learner.models import FusionModel, Prediction, Scoring
from learner.proxy.standing import standing
from learner.registry import Card, shelf
from learner.selectors.scoring import corpus_values

FEW_LABELS = 100  # below this many rated clips agreement itself is hardly known
DIGITS = 4
WORDS_MOST = 200


def result_of(
    scoring: Scoring, clip: Clip, model: FusionModel, measured: Measured, file_warnings: list[str]
) -> dict[str, Any]:
    """Everything that is told of a clip.

    Raises:
        NotPossible: no encoder that the model looks at has an answer, or its files are gone.
    """
    _check_known(model, measured)
    proxy = _proxy(model, measured)
    said, known = said_of(model, measured.inputs(model), [proxy.pop("exact")])
    score = _score(scoring, model, said, known)
    share = score.pop("share")
    metrics = _metrics(scoring, model, measured)
    absent = _absent(model, measured, score["gates"])
    result = {
        **score,
        **_interval(model, score),
        "proxy": {**proxy, "share": share},
        "metrics": metrics,
        "encoders": _encoders(model, measured),
        "absent": absent,
        "has_source": clip.source is not None,
        "versions": _versions(model),
    }
    return {**result, "warnings": _warnings(scoring, model, result, file_warnings)}


def _check_known(model: FusionModel, measured: Measured) -> None:
    specs = encoders_of(specs_of(model))
    if any((spec.name, spec.version) in measured.vectors for spec in specs):
        return
    reasons = {_reason(measured, "encoder", spec.name, spec.version) for spec in specs}
    raise NotPossible(
        f"Nothing that {model} looks at can be had of this clip: {'; '.join(sorted(reasons))}."
    )


def _reason(measured: Measured, kind: str, name: str, version: str) -> str:
    """Why a part has no answer, also where it could not be asked."""
    if (kind, name, version) in measured.reasons:
        return measured.reasons[kind, name, version]
    card = shelf(kind).set_up().get(name)
    if card is None:
        return f"{name} is not set up here"
    return f"{name} is here as {card.version}, but the model learned from {version}: train anew"


def _number(value: Any, digits: int = DIGITS) -> float | None:
    return round(float(value), digits) if value is not None and np.isfinite(value) else None


def _proxy(model: FusionModel, measured: Measured) -> dict[str, Any]:
    """The proxy MOS with its interval, or why there is none."""
    nothing = {"mos_raw": None, "low": None, "high": None, "level": None, "exact": np.nan}
    weights = model.training_run.proxy_weights
    if weights is None:
        return {**nothing, "reason": "The model was trained without a proxy."}
    if weights.fit["line"]["reason"]:
        return {**nothing, "reason": weights.fit["line"]["reason"]}
    values_M = [measured.values.get((m["name"], m["version"]), np.nan) for m in weights.metrics]
    if np.isnan(values_M).all():
        return {**nothing, "reason": "No metric of the proxy has a value for this clip."}
    said = proxy_by(weights, np.array([values_M]))
    return {
        "mos_raw": _number(said.mos_raw[0]),
        "low": _number(said.low[0]),
        "high": _number(said.high[0]),
        "level": said.level,
        "reason": "",
        "exact": float(said.mos_raw[0]),
    }


def _score(scoring: Scoring, model: FusionModel, said: Any, known: Any) -> dict[str, Any]:
    """Of the members; of a rated clip, what those say that never saw its rating."""
    distance = known.distance(said.summary_ND)[0]
    kept = _out_of_fold(scoring, model)
    if kept is not None:
        return {
            "dubscore_raw": _number(kept.dubscore_raw),
            "own_raw": None,  # the members that never saw the clip are not asked one by one
            "share": _number(kept.proxy_share),
            "is_out_of_fold": True,
            "epistemic_var": _number(kept.epistemic_var, 6),
            "aleatoric_var": _number(kept.aleatoric_var, 6),
            "gates": kept.gates,
            "inner_gates": kept.inner_gates,
            "distance_frac": _number(kept.distance_frac),
        }
    return {
        "dubscore_raw": _number(np.clip(said.mean_N[0], 1, 5)),
        "own_raw": _number(said.own_FN[:, 0].mean()),
        "share": _number(said.proxy_share_N[0]),
        "is_out_of_fold": False,
        "epistemic_var": _number(said.epistemic_var_N[0], 6),
        "aleatoric_var": _number(said.aleatoric_var_N[0], 6),
        "gates": dict(zip(said.modalities, said.gates_NS[0].round(DIGITS).tolist(), strict=True)),
        "inner_gates": {name: _number(gate[0]) for name, gate in said.inner_gates.items()},
        "distance_frac": _number(distance),
    }


def _out_of_fold(scoring: Scoring, model: FusionModel) -> Prediction | None:
    """What is kept of a rated clip of the corpus, if nothing else is asked of it."""
    brought = (scoring.source, scoring.source_file, scoring.transcript, scoring.translation)
    if any(brought) or scoring.language or scoring.source_language:
        return None
    return _of_learned(scoring, model)


def _of_learned(scoring: Scoring, model: FusionModel) -> Prediction | None:
    """The kept prediction of a clip whose ratings the model learned from."""
    if scoring.clip is None:
        return None
    rows = Prediction.objects.filter(fusion_model=model, clip=scoring.clip, is_out_of_fold=True)
    return rows.first()


def _interval(model: FusionModel, score: dict[str, Any]) -> dict[str, Any]:
    from learner.fusion.doubt import Reach

    if not model.reach:
        return {"low": None, "high": None, "level": None}
    reach = Reach.from_json(model.reach)
    variance = np.array([score["epistemic_var"] + score["aleatoric_var"]])
    low, high = reach.ends(np.array([score["dubscore_raw"]]), variance)
    return {"low": _number(low[0]), "high": _number(high[0]), "level": reach.level}


def _metrics(scoring: Scoring, model: FusionModel, measured: Measured) -> list[dict[str, Any]]:
    """Every metric that is set up, and those of the proxy that are not."""
    weights = model.training_run.proxy_weights
    learned = [(m["name"], m["version"]) for m in weights.metrics] if weights else []
    cards = shelf("metric").cards()
    here = [(name, card.version) for name, card in shelf("metric").set_up().items()]
    keys = [*here, *(key for key in learned if key not in here)]
    return [
        _metric(scoring, measured, *key, card=cards.get(key[0]), is_used=key in learned)
        for key in keys
    ]


def _metric(
    scoring: Scoring,
    measured: Measured,
    name: str,
    version: str,
    *,
    card: Card | None,
    is_used: bool,
) -> dict[str, Any]:
    value = measured.values.get((name, version))
    among = None
    if value is not None:
        among = standing(value, corpus_values(scoring.campaign, name, version))
    return {
        "name": name,
        "version": version,
        "title": card.title if card else name,
        "direction": card.direction if card else 1,
        "is_exploratory": bool(card and card.is_exploratory),
        "is_used": is_used,
        "value": _number(value, 6),
        "reason": "" if value is not None else _reason(measured, "metric", name, version),
        "percentile": among.percentile if among else None,
        "is_outside": among.is_outside if among else None,
        "corpus": among.to_json() if among else None,
    }


def _encoders(model: FusionModel, measured: Measured) -> list[dict[str, Any]]:
    used = {(spec.name, spec.version): spec.modality for spec in encoders_of(specs_of(model))}
    cards = shelf("encoder").cards()
    here = {(name, card.version): card.modality for name, card in shelf("encoder").set_up().items()}
    rows = []
    for (name, version), modality in (here | used).items():
        has_vector = (name, version) in measured.vectors
        rows.append(
            {
                "name": name,
                "version": version,
                "title": cards[name].title if name in cards else name,
                "modality": modality,
                "is_used": (name, version) in used,
                "has_vector": has_vector,
                "reason": "" if has_vector else _reason(measured, "encoder", name, version),
            }
        )
    return rows


def _absent(
    model: FusionModel, measured: Measured, gates: dict[str, float]
) -> list[dict[str, str]]:
    """Modalities of the model of which nothing could be had."""
    rows = []
    for modality in gates:
        specs = [spec for spec in encoders_of(specs_of(model)) if spec.modality == modality]
        if any((spec.name, spec.version) in measured.vectors for spec in specs):
            continue
        reasons = {_reason(measured, "encoder", spec.name, spec.version) for spec in specs}
        rows.append({"modality": modality, "reason": "; ".join(sorted(reasons))[:WORDS_MOST]})
    return rows


def _versions(model: FusionModel) -> dict[str, Any]:
    return {
        "model": model.pk,
        "trained_at": model.created_at.isoformat(),
        "n_labelled": model.facts.get("n_labelled"),
        "encoders": {spec.name: spec.version for spec in encoders_of(specs_of(model))},
    }


def _warnings(
    scoring: Scoring, model: FusionModel, result: dict[str, Any], of_file: list[str]
) -> list[dict[str, str]]:
    """What makes the score less to be trusted, the gravest first."""
    found = [("file", words) for words in of_file]
    if not result["is_out_of_fold"] and _of_learned(scoring, model):
        words = (
            "The model learned from this clip's ratings, so the score shown is not that of members "
            "that never saw them. Leave texts, languages and source out for that one."
        )
        found.append(("learned", words))
    distance = result["distance_frac"]
    if distance is not None and distance > 1:
        found.append(
            (
                "outside",
                f"The clip is unlike any that the model was trained on: it lies {distance:.1f} "
                "times as far from them as what counts as far. Its score is a guess.",
            )
        )
    for row in result["absent"]:
        words = f"There is nothing of its {row['modality']} to go by: {row['reason']}."
        found.append(("absent", words))
    if not result["has_source"]:
        words = "No source was given: differences from it, and metrics that need it, do not count."
        found.append(("source", words))
    outside = [row["title"] for row in result["metrics"] if row["is_outside"]]
    if outside:
        words = f"Beyond anything in the corpus: {', '.join(outside)}."
        found.append(("range", words))
    if result["proxy"]["reason"]:
        found.append(("proxy", f"There is no proxy MOS. {result['proxy']['reason']}"))
    n_labelled = model.facts.get("n_labelled")
    if n_labelled is not None and n_labelled < FEW_LABELS:
        words = (
            f"The model learned from {n_labelled} rated clips. With fewer than {FEW_LABELS} how "
            "well it agrees with people is hardly known itself."
        )
        found.append(("labels", words))
    if has_simulated_ratings(scoring.campaign):
        words = "The model rests in part on ratings made by a random model, not by people."
        found.append(("simulated", words))
    return [{"about": about, "text": text} for about, text in found]
