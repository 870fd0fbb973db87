"""What the network adds where the truth is known: dubs of planted faults, simulated raters.

The clips of a data folder in which people talk, and the sources of the demo corpus with its voices,
are each dubbed from themselves eight times: once without fault, else with one or two of five faults
of a known dose, three of which are heard in the dub's sound. Simulated raters of a stated noise
score them (`_known_conditions.py` holds faults, costs and noise). Every metric and encoder that
packages carry is asked about every dub; the proxy is refitted and the network trained without each
fold of sources; all figures are out of fold, with intervals over sources, beside the ceiling that
raters' noise sets. The same is done for several draws of raters and labels; figures are means.

What this cannot show: a dub here is made from its own source, so a vector that does not change
where no fault was planted tells more than it would of a real dub, which nobody made from a clean
take of itself; and no fault is planted in the pictures, so video can tell nothing.

What was planted and what parts say of it is kept in var/known-conditions.npz: a second run trains
only.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from tqdm import tqdm  # noqa: E402

from benchmarks._known_conditions import (  # noqa: E402
    DUBS_A_FILM,
    FAULTS,
    RATER_SD,
    RESIDUAL_SD,
    SEED,
    SOURCE,
    Planted,
    ask_all,
    plan,
    simulated_mos,
)
from benchmarks._parts import clips_in, options, sentences, table, two, weights  # noqa: E402
from benchmarks.reporting import aim, report  # noqa: E402
from learner.demo.clips import make_demo_clips  # noqa: E402
from learner.fusion.config import EncoderSpec, FusionConfig  # noqa: E402
from learner.fusion.inputs import KINDS, PAPER_KINDS, Inputs  # noqa: E402
from learner.fusion.study import (  # noqa: E402
    BEST,
    BOTH,
    FT,
    PROXY,
    Labels,
    Study,
    ablation,
    network_rows,
    simple_rows,
    train_study,
)
from learner.proxy.missing import Moments, fill_missing  # noqa: E402
from learner.proxy.normalise import fit_normalisation  # noqa: E402
from learner.registry import shelf  # noqa: E402

CACHE = ROOT / "var" / "known-conditions.npz"
LABELLED, RATINGS_A_CLIP = 200, 4
DRAWS, QUICK_DRAWS = 3, 1
TOLD = ("pcc", "srcc", "mse", "mse_mapped", "r2", "bias")


@dataclass(frozen=True)
class Dubs:
    """What was planted and what parts say, a row a dub."""

    planted: list[Planted]
    metrics: list[str]
    values_NM: Any
    vectors: dict[str, Any]
    of_source: dict[str, Any]

    @property
    def films(self) -> list[str]:
        """Of which film each is."""
        return [one.film for one in self.planted]


def films_in(folder: Path, parser: Any) -> dict[str, Path]:
    """The clips of the folder, then the demo's sources."""
    found = {path.stem: path for path in clips_in(folder, parser).values()}
    made = ROOT / "var" / "demo-clips"
    make_demo_clips(made, weights() / "demo", lambda *_: None)
    found |= {path.stem: path for path in sorted(made.rglob("source-*.mp4"))}
    return found


def asked_about(films: dict[str, Path], workers: int) -> Dubs:
    """Ask every part about every dub, or take what was said before."""
    if CACHE.exists():
        return _kept()
    said: dict[str, Any] = {}
    planted = plan(list(films))
    with tqdm(total=len(planted), unit="dub") as bar:
        for of_film in ask_all(films, planted, sentences(), workers):
            said |= {one.name: one for one in of_film}
            bar.update(len(of_film) - 1)
    names = [one.name for one in planted if one.name in said]
    first = said[names[0]]
    arrays = {
        "planted": np.array([one.to_json() for one in planted if one.name in said]),
        "metrics": np.array(list(first.values)),
        "values": np.array([list(said[name].values.values()) for name in names]),
    }
    for encoder in first.vectors:
        arrays[f"dub {encoder}"] = np.array([said[name].vectors[encoder] for name in names])
        sources = [f"{name.split('#')[0]}{SOURCE}" for name in names]
        arrays[f"source {encoder}"] = np.array([said[one].vectors[encoder] for one in sources])
    CACHE.parent.mkdir(exist_ok=True)
    np.savez(CACHE, **arrays)
    return _kept()


def _kept() -> Dubs:
    kept = np.load(CACHE)
    encoders = [name.removeprefix("dub ") for name in kept.files if name.startswith("dub ")]
    return Dubs(
        [Planted.from_json(one) for one in kept["planted"].tolist()],
        kept["metrics"].tolist(),
        kept["values"],
        {name: kept[f"dub {name}"] for name in encoders},
        {name: kept[f"source {name}"] for name in encoders},
    )


def study_of(dubs: Dubs, draw: int, kinds: tuple[str, ...]) -> tuple[Study, Any]:
    """One draw of raters and of labelled dubs, and the truth behind it."""
    simulated = simulated_mos(dubs.planted, RATINGS_A_CLIP, SEED + draw)
    mos_N = simulated["mos_N"].copy()
    mos_N[np.random.default_rng(draw).permutation(len(mos_N))[LABELLED:]] = np.nan
    labels = Labels(
        mos_N=mos_N,
        var_N=np.where(np.isnan(mos_N), np.nan, simulated["noise_var_N"]),
        source_N=np.unique(dubs.films, return_inverse=True)[1],
        system_N=np.array(["" for _ in dubs.planted]),
    )
    has_any = [m for m in range(len(dubs.metrics)) if not np.isnan(dubs.values_NM[:, m]).all()]
    cards = [shelf("metric").cards()[dubs.metrics[m]] for m in has_any]
    values_NM = dubs.values_NM[:, has_any]
    norm = fit_normalisation(values_NM, [card.direction for card in cards], "rank-gauss")
    scores_NM = norm.transform(values_NM)
    known = [shelf("encoder").cards()[name] for name in dubs.vectors]
    specs = [EncoderSpec(c.name, c.version, c.modality, c.width) for c in known]
    inputs = Inputs(specs, dubs.vectors, dubs.of_source)
    config = FusionConfig(inputs.specs(kinds), seed=draw)
    filled = fill_missing(scores_NM, Moments.fit(scores_NM))
    return Study.of(inputs, filled, tuple(c.title for c in cards), labels, config), simulated


def judged(dubs: Dubs, draw: int, folder: Path, *, is_quick: bool) -> Any:
    """Every row of one draw."""
    study, simulated = study_of(dubs, draw, KINDS)
    if is_quick:
        study = replace(study, config=replace(study.config, epochs_ws=4, epochs_ft=4))
    with tqdm(total=100, unit="%", desc=f"draw {draw + 1}") as bar:
        train_study(study, folder / "all", lambda at: bar.update(round(30 * at.frac) - bar.n))
        rows = [*simple_rows(study), *network_rows(study, folder / "all")]
        paper, _ = study_of(dubs, draw, PAPER_KINDS)
        paper = replace(paper, config=replace(study.config, encoders=paper.config.encoders))
        train_study(paper, folder / "paper")
        rows += [
            {**row, "name": f"{row['name']} (no differences)"}
            for row in network_rows(paper, folder / "paper")
        ]
        subsets = list(
            ablation(
                study,
                folder / "ablation",
                lambda frac, _: bar.update(40 + round(60 * frac) - bar.n),
            )
        )
    return rows, subsets, study.labels.reliability, simulated["ceiling"]


def mean_rows(draws: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The same rows of several draws, averaged."""
    averaged = []
    for rows in zip(*draws, strict=True):
        row: dict[str, Any] = {"name": rows[0]["name"], "detail": rows[0].get("detail", "")}
        for name in (f"{figure}{end}" for figure in TOLD for end in ("", "_low", "_high")):
            values = [one[name] for one in rows if one[name] is not None]
            row[name] = round(float(np.mean(values)), 4) if values else None
        averaged.append(row)
    return averaged


def print_rows(rows: list[dict[str, Any]]) -> None:
    """For people."""
    print(
        table(
            ["scored by", "PCC", "SRCC", "MSE", "R2", "bias"],
            [
                [
                    row["name"],
                    f"{two(row['pcc'])} [{two(row['pcc_low'])}, {two(row['pcc_high'])}]",
                    *(two(row[name]) for name in ("srcc", "mse", "r2", "bias")),
                ]
                for row in rows
            ],
        )
    )


def main() -> None:
    """Make the dubs, train, judge, report."""
    parser = options(__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS, help="of raters and labels")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="films at once")
    asked = parser.parse_args()
    started = time.monotonic()
    films = films_in(asked.clips, parser)
    dubs = asked_about(films, asked.workers)
    with tempfile.TemporaryDirectory() as folder:
        draws = [
            judged(dubs, draw, Path(folder) / str(draw), is_quick=asked.quick)
            for draw in range(QUICK_DRAWS if asked.quick else asked.draws)
        ]
    rows = mean_rows([one[0] for one in draws])
    subsets = mean_rows([one[1] for one in draws])
    ceiling = float(np.mean([one[3] for one in draws]))
    print_rows(rows)
    print_rows(subsets)
    print(f"No score can correlate better with these MOS than {ceiling:.3f} (root of reliability).")
    of = {row["name"]: row for row in [*rows, *subsets]}
    others = max(of[name]["pcc"] for name in ("V", "T"))
    report(
        "known_conditions",
        {
            "DubScore minus proxy MOS, PCC": aim(of[BOTH]["pcc"] - of[PROXY]["pcc"], -0.02),
            "DubScore minus best single metric, PCC": aim(of[BOTH]["pcc"] - of[BEST]["pcc"], 0.0),
            "network alone minus proxy MOS, PCC": aim(of[FT]["pcc"] - of[PROXY]["pcc"], -0.02),
            "audio minus the better of video and text, PCC": aim(of["A"]["pcc"] - others, 0.0),
        },
        seed=SEED,
        packages=("torch", "numpy", "scipy"),
        keep=not asked.quick,
        rows=rows,
        ablation=subsets,
        ceiling=round(ceiling, 4),
        reliability=round(float(np.mean([one[2] for one in draws])), 4),
        dubs=len(dubs.planted),
        films=len(set(dubs.films)),
        labelled=LABELLED,
        ratings_a_clip=RATINGS_A_CLIP,
        rater_sd=RATER_SD,
        residual_sd=RESIDUAL_SD,
        faults={name: {"cost": cost, "chance": chance} for name, (cost, chance) in FAULTS.items()},
        dubs_a_film=DUBS_A_FILM,
        draws=len(draws),
        seconds=round(time.monotonic() - started),
    )


if __name__ == "__main__":
    main()
