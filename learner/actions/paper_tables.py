"""What a report is made of: tables from a campaign's rows, trained for where they need it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from annotator.models import Clip
from learner.actions.audits import labels_of
from learner.actions.jobs import NotPossible, Pulse
from learner.actions.proxy import fit_proxy
from learner.actions.training import calibration_of, study_for
from learner.models import Audit, ProxyWeights, Reproduction
from learner.reproduction.table import Table
from learner.selectors import metric_values
from learner.selectors.proxy import calibration_rows, history
from learner.selectors.registry import model_in_use

REPLAYED = "d_optimal"
# Where each part ends, as a share of the whole.
READ, MODALITIES, WEIGHTS, REPLAYS = 0.03, 0.75, 0.87, 0.98


@dataclass(frozen=True)
class Material:
    """What most tables are made of, read once.

    Args:
        clips: Of the pool.
        weights: The proxy, fitted now; not kept as a row.
        study: Its folds and labels.
        folder: Of the networks and of parts that are finished, by what they were made from.
    """

    clips: list[Clip]
    weights: ProxyWeights
    study: Any
    folder: Path


def read_material(asked: Reproduction, folder: Path) -> Material:
    """The study and the proxy beside it.

    Raises:
        NotPossible: no metric or input is known of any clip, or labels are too few.
    """
    campaign, target = asked.campaign, asked.target
    values = fit_proxy(campaign, target, seed=asked.seed)
    weights = ProxyWeights(campaign=campaign, target=target, **values)
    clips, study = study_for(campaign, weights, asked.config, asked.seed)
    digest = f"{study.data.fingerprint()[:16]}-{_digest(asked.config)}"
    return Material(clips, weights, study, folder / digest)


def _digest(config: dict[str, Any]) -> str:
    return sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:8]


def tables_of(asked: Reproduction, material: Material, pulse: Pulse) -> list[Table]:
    """All but the first; the order is the report's, not that of the work."""
    from learner.fusion.study import simple_rows
    from learner.reproduction.scoring import table_2, table_5
    from learner.reproduction.trials import full_name, of_modalities, of_weights

    study, folder = material.study, material.folder

    def between(start: float, end: float) -> Callable[[float, str], None]:
        return lambda frac, text: pulse.progress(start + (end - start) * frac, text)

    ablation = _kept(
        folder / "modalities.json",
        lambda: of_modalities(study, folder, between(READ, MODALITIES)),
    )
    stages = _kept(
        folder / "weights.json",
        lambda: of_weights(study, folder, between(MODALITIES, WEIGHTS)),
    )
    strategies = _strategies(asked, folder, between(WEIGHTS, REPLAYS))
    pulse.progress(REPLAYS, "Writing the report")
    said = study.said(folder / full_name(study))

    return [
        table_2(simple_rows(study), ablation, stages["al"], study.labels.reliability),
        _calibrations(asked, material, said),
        strategies,
        table_5(stages),
        _metrics(material),
        *_gates(material, said),
    ]


def _kept(path: Path, make: Callable[[], Any]) -> Any:
    """A part that was finished before, or made now and kept; whole or not at all."""
    if not path.exists():
        found = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(found))
        unfinished.replace(path)
    return json.loads(path.read_text())


def _calibrations(asked: Reproduction, material: Material, said: Any) -> Table:
    """The proxy after each fit, on the random clips of the next round, and now; the networks."""
    from learner.reproduction.calibrations import table_3

    found: list[tuple[str, Any]] = []
    for row in calibration_rows(history(asked.campaign, asked.target)):
        found.append((f"proxy, {row['name']}, clips left out", row["left_out"]))
        if "picp" in (row["reserve"] or {}):
            found.append((f"proxy before {row['name']}, its random clips", row["reserve"]))
    found.append(("proxy, all labels, clips left out", material.weights.fit["calibration"]))
    found.append(("DubScore, all labels, out of fold", _network_calibration(material.study, said)))
    in_use = model_in_use(asked.campaign, asked.target)
    if in_use is not None:
        found.append((f"DubScore of model {in_use.pk}, in use", in_use.facts.get("calibration")))
    return table_3(found)


def _network_calibration(study: Any, said: Any) -> dict[str, Any]:
    from learner.fusion.study import doubts
    from learner.proxy.calibration import LEVEL

    return calibration_of(
        study, said.of_folds(study.fold_N), *doubts(study, said, said), level=LEVEL
    )


def _strategies(asked: Reproduction, folder: Path, report: Callable[[float, str], None]) -> Table:
    """The last audit of each strategy; where there is none, the default is replayed now."""
    from learner.audit import AuditReport
    from learner.reproduction.strategies import table_4

    done = asked.campaign.audits.filter(state=Audit.State.DONE, target=asked.target)
    last = {audit.strategy: audit for audit in done.order_by("created_at", "pk")}
    if last:
        aside = [_of_labels(audit) for audit in last.values()]
        return table_4([AuditReport.from_json(one.report) for one in last.values()], aside=aside)
    try:
        kept = _kept(folder / "replays.json", lambda: _replay(asked, report))
    except NotPossible as reason:
        return table_4([], missing=str(reason))
    aside = ["There was no audit of this aspect, so the default strategy was replayed for this."]
    return table_4([AuditReport.from_json(kept)], aside=aside)


def _of_labels(audit: Audit) -> str:
    """Which audit it was, and whether its labels are those of today."""
    said = f"{audit}, of {audit.data.get('n_clips')} clips with a MOS"
    try:
        is_current = labels_of(audit)[1] == audit.data
    except ValueError:  # by now there are too few, for some raters were rejected
        is_current = False
    return f"{said}." if is_current else f"{said}; the labels have changed since."


def _replay(asked: Reproduction, report: Callable[[float, str], None]) -> dict[str, Any]:
    """Thirty paired replays of the default strategy.

    Raises:
        NotPossible: too few labels or sources.
    """
    from learner.audit import FEWEST, AuditPlan, audit_report, replay_seed

    alike = Audit(campaign=asked.campaign, target=asked.target, strategy=REPLAYED)
    plan, results = AuditPlan(REPLAYED), []
    try:
        data = labels_of(alike)[0]
        for number in range(FEWEST):
            results.append(replay_seed(data, plan, asked.seed + number))
            report((number + 1) / FEWEST, f"{number + 1} of {FEWEST} replays of {REPLAYED}")
    except ValueError as error:  # the core's words say how many labels, or sources, are needed
        raise NotPossible(str(error)) from error
    return audit_report(results).to_json()


def _metrics(material: Material) -> Table:
    from learner.reproduction.scoring import figure_2

    study, weights = material.study, material.weights
    signs = np.array(weights.normalisation.parameters["directions"])
    values_NM = metric_values(material.clips, weights.metrics)
    scaled_NM = np.where(np.isnan(values_NM), np.nan, study.filled.values)
    return figure_2(study.metrics, signs * values_NM, scaled_NM, study.judged)


def _gates(material: Material, said: Any) -> list[Table]:
    from learner.reproduction.gates import gates_by_condition, unusual_gates

    study = material.study
    mos_N, score_N = study.labels.mos_N, said.of_folds(study.fold_N)
    clips = [
        {
            "name": clip.name,
            "condition": clip.condition or None,
            "mos": None if np.isnan(mos) else float(mos),
            "dubscore": float(score),
        }
        for clip, mos, score in zip(material.clips, mos_N, score_N, strict=True)
    ]
    conditions = [clip.condition for clip in material.clips]
    return [
        gates_by_condition(said.gates_NS, said.modalities, conditions),
        unusual_gates(said.gates_NS, said.modalities, clips),
    ]
