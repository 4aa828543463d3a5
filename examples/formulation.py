"""Design an alloy of up to six elements: which ones, how much of each, and does it help to say that slots are alike?
===================================================================================================================

A formulation has six slots. Each holds one of eight elements and an amount, or nothing: with an amount of 0 the slot is
empty, and its element changes nothing. The slots are interchangeable, so that one alloy of six elements can be written
down in 720 ways; and two slots with the same element are one with all of it. The script searches for a light alloy that
is hardened by atoms of different sizes and is still one solid solution, with Sobol points, with Ax alone, and with Ax
and the symmetry. All three searches of a repeat start from the same formulations; a paired comparison over the repeats
says whether the symmetry helped.
The searches are in `comparison.py`: what all studies share. ::

    python formulation.py                # progress, two tables, and formulation.html
    python formulation.py --repeats 2    # a first impression

The formulas are those by which such alloys are screened; the experiment is simulated by them:

- mixing enthalpy, sum of 4 H_ij c_i c_j over pairs of elements, and H_ij: A. Takeuchi, A. Inoue, Classification of bulk
  metallic glasses by atomic size difference, heat of mixing and period of constituent elements, Materials Transactions
  46, 2005;
- the parameter Omega = T_m S / abs(H) of entropy S = -R sum of c ln c and melting temperature T_m, at least 1.1 for a
  solid solution, and the mismatch delta of the atoms' radii: X. Yang, Y. Zhang, Prediction of high-entropy stabilized
  solid-solution in multi-component alloys, Materials Chemistry and Physics 132, 2012.

What came out (defaults: seeds 0 to 5; Ax 1.3.1, botorch 0.18.1, torch 2.13.0; a quarter of an hour): after 60
formulations Ax alone predicted others worse than their mean would (an error of 1.20 SDs), with the symmetry 0.87. After
40 trials six repeats could not show that the search had gained: its merit was the same on average (-0.001, 95 %
interval -0.083 to 0.082), and it was ahead in 4 of 6; medians of 1.334 and 1.330, and the best alloy known has 1.516.
Amounts that are all multiplied by one number are the same alloy, which neither knows.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from ax.core.arm import Arm
from ax.core.observation import ObservationFeatures
from ax.service.utils.instantiation import InstantiationBase
from plotly.subplots import make_subplots
from scipy.optimize import minimize

from ax_symmetry import get_botorch
from comparison import COLORS, LABELS, METHODS, draw_best, new_parser, optimise, print_table, report, rows_of_budgets
from comparison import run_all, seed_all, tick, verdict, write_figure

METRIC = "merit"
SLOTS = 6
BLOCKS = [[f"element_{k}", f"amount_{k}"] for k in range(1, SLOTS + 1)]
SYMMETRY = {
    "blocks": BLOCKS,
    "absent": {"amount_1": 0.0},  # a name stands for its slot in all blocks
    "base_kernel": "mixture",  # two slots of one element are one slot with all of it
}

# Radius in pm, melting temperature in K, density in g/cm3, molar mass in g/mol.
ELEMENTS = {
    "Al": (143.2, 933.0, 2.70, 26.98), "Co": (125.1, 1768.0, 8.90, 58.93), "Cr": (124.9, 2180.0, 7.19, 52.00),
    "Cu": (127.8, 1358.0, 8.96, 63.55), "Fe": (124.1, 1811.0, 7.87, 55.85), "Mn": (135.0, 1519.0, 7.47, 54.94),
    "Ni": (124.6, 1728.0, 8.91, 58.69), "Ti": (146.2, 1941.0, 4.51, 47.87),
}
ENTHALPY = {  # of pairs at equal amounts, kJ/mol
    ("Al", "Co"): -19, ("Al", "Cr"): -10, ("Al", "Cu"): -1, ("Al", "Fe"): -11, ("Al", "Mn"): -19, ("Al", "Ni"): -22,
    ("Al", "Ti"): -30, ("Co", "Cr"): -4, ("Co", "Cu"): 6, ("Co", "Fe"): -1, ("Co", "Mn"): -5, ("Co", "Ni"): 0,
    ("Co", "Ti"): -28, ("Cr", "Cu"): 12, ("Cr", "Fe"): -1, ("Cr", "Mn"): 2, ("Cr", "Ni"): -7, ("Cr", "Ti"): -7,
    ("Cu", "Fe"): 13, ("Cu", "Mn"): 4, ("Cu", "Ni"): 4, ("Cu", "Ti"): -9, ("Fe", "Mn"): 0, ("Fe", "Ni"): -2,
    ("Fe", "Ti"): -17, ("Mn", "Ni"): -8, ("Mn", "Ti"): -8, ("Ni", "Ti"): -35,
}
GAS_CONSTANT = 8.314e-3  # kJ/mol/K
SOLID_SOLUTION = 1.1  # the least Omega


def fractions(point: dict[str, Any]) -> dict[str, float]:
    """Return the mole fractions of the elements of a formulation; none if all of its slots are empty."""
    amounts: dict[str, float] = {}
    for element, amount in BLOCKS:
        if point[amount] > 0.0:
            amounts[point[element]] = amounts.get(point[element], 0.0) + point[amount]
    total = sum(amounts.values())
    return {element: amount / total for element, amount in amounts.items()}


def properties(point: dict[str, Any]) -> dict[str, float]:
    """Return the size mismatch delta in per cent, Omega, and the density in g/cm3 of a formulation."""
    c = fractions(point)
    if not c:
        return {"delta": 0.0, "omega": 0.0, "density": 1.0}
    radius, melting, _, mass = (sum(x * ELEMENTS[e][i] for e, x in c.items()) for i in range(4))
    delta = 100.0 * np.sqrt(sum(x * (1.0 - ELEMENTS[e][0] / radius) ** 2 for e, x in c.items()))
    entropy = -GAS_CONSTANT * sum(x * np.log(x) for x in c.values())
    enthalpy = sum(4.0 * ENTHALPY[min(a, b), max(a, b)] * c[a] * c[b] for a, b in combinations(c, 2))
    volume = sum(x * ELEMENTS[e][3] / ELEMENTS[e][2] for e, x in c.items())
    omega = melting * entropy / max(abs(enthalpy), 0.1)
    return {"delta": float(delta), "omega": float(omega), "density": mass / volume}


def merit(point: dict[str, Any]) -> float:
    """Return the mismatch per density, in % cm3/g, as far as the alloy is one solid solution."""
    p = properties(point)
    return p["delta"] / p["density"] / (1.0 + np.exp((SOLID_SOLUTION - p["omega"]) / 0.1))


def formulations(n: int, seed: int) -> list[dict[str, Any]]:
    """Return the first n formulations of a scrambled Sobol sequence; three slots of ten are empty."""
    units = torch.quasirandom.SobolEngine(2 * SLOTS, scramble=True, seed=seed).draw(n, dtype=torch.double).tolist()
    names, empty = [*ELEMENTS], 0.3
    return [{name: value for (element, amount), u, v in zip(BLOCKS, row[::2], row[1::2]) for name, value in (
        (element, names[int(u * len(names))]), (amount, max(0.0, (v - empty) / (1.0 - empty)))
    )} for row in units]


def new_experiment() -> Any:
    """Return an experiment with its search space, the merit to be maximised."""
    parameters: list[dict[str, Any]] = []
    for element, amount in BLOCKS:
        parameters.append({"name": element, "type": "choice", "value_type": "str", "is_ordered": False,
                           "values": [*ELEMENTS]})
        parameters.append({"name": amount, "type": "range", "value_type": "float", "bounds": [0.0, 1.0]})
    return InstantiationBase.make_experiment(name="alloy", parameters=parameters, objectives={METRIC: "maximize"})


def search(method: str, seed: int, n_initial: int, n_trials: int) -> list[dict[str, Any]]:
    """Run one search; return the formulations and the merits of its trials in turn."""
    return optimise(method, seed, n_initial, n_trials, experiment=new_experiment(), metric=METRIC,
                    points=formulations(n_trials, seed), evaluate=lambda point: {METRIC: merit(point)},
                    symmetry=SYMMETRY)


def prediction_error(method: str, seed: int, n_train: int, n_test: int = 300) -> float:
    """Fit to Sobol points; return the error on others, as a share of their standard deviation."""
    seed_all(seed)
    experiment, points = new_experiment(), formulations(n_train + n_test, seed)
    for point in points[:n_train]:
        report(experiment.new_trial().add_arm(Arm(parameters=point)), METRIC, merit(point), sem=0.0)
    model = get_botorch(experiment=experiment, data=experiment.lookup_data(),
                        symmetry=SYMMETRY if method == "symmetric" else None)
    means, _ = model.predict([ObservationFeatures(parameters=point) for point in points[n_train:]])
    truth = np.array([merit(point) for point in points[n_train:]])
    tick()
    return float(np.sqrt(np.mean((np.array(means[METRIC]) - truth) ** 2)) / truth.std())


def best_known() -> float:
    """Return the highest merit known: from the best of 16,384 Sobol points on, the formulas' own maxima."""
    def with_amounts(point: dict[str, Any], amounts: np.ndarray) -> dict[str, Any]:
        return {**point, **{amount: float(x) for (_, amount), x in zip(BLOCKS, amounts)}}

    best = 0.0
    for point in sorted(formulations(2**14, seed=0), key=merit)[-30:]:
        start, bounds = [point[amount] for _, amount in BLOCKS], [(0.0, 1.0)] * SLOTS
        found = minimize(lambda x: -merit(with_amounts(point, x)), start, bounds=bounds)
        best = max(best, -float(found.fun))
    return best


def draw(best: dict[str, np.ndarray], leaders: dict[str, dict[str, Any]], n_initial: int, known: float) -> go.Figure:
    """Draw the highest merit so far (repeats x trials), median and range, and below it what the best alloys hold."""
    fig = make_subplots(2, 1, vertical_spacing=0.16, row_heights=[0.6, 0.4],
                        subplot_titles=("the searches", "what their best alloys hold"))
    draw_best(fig, best, n_initial, digits=3, row=1, col=1)
    for method, point in leaders.items():
        shares = fractions(point)
        fig.add_bar(x=[*ELEMENTS], y=[100 * shares.get(e, 0.0) for e in ELEMENTS], name=LABELS[method], row=2, col=1,
                    legendgroup=method, showlegend=False, marker_color=f"rgb({COLORS[method]})",
                    hovertemplate=f"{LABELS[method]}: %{{y:.0f}} % %{{x}}<extra></extra>")
    fig.add_hline(y=known, line_dash="dot", annotation_text=f"best alloy known, {known:.3f}", row=1, col=1,
                  annotation_position="top left")
    fig.update_xaxes(title="trials", row=1, col=1)
    fig.update_yaxes(title="highest merit so far, % cm\u00b3/g", row=1, col=1)
    fig.update_yaxes(title="mole per cent", row=2, col=1)
    fig.update_layout(title=f"Alloys of up to {SLOTS} elements<br><sub>median and range of "
                            f"{len(best['plain'])} repeats</sub>",
                      template="plotly_white", height=900, legend={"orientation": "h", "x": 0.0, "y": -0.08})
    return fig


def main() -> None:
    parser = new_parser(__doc__, {"--trials": 40, "--initial": 20, "--repeats": 6},
                        "repeats, each with its own seed")
    parser.add_argument("--train", type=int, default=60, help="formulations that predictions are learnt from")
    args = parser.parse_args()

    errors = run_all(prediction_error, METHODS[1:], args, (args.train,), steps=1, unit="model")
    print_table(f"Error on unseen formulations, learnt from {args.train}, in their SD", "", [
        ("error", 2, {method: np.array(of_method) for method, of_method in errors.items()})])

    runs = run_all(search, METHODS, args, (args.initial, args.trials), steps=args.trials)
    merits = {method: np.array([[point[METRIC] for point in points] for points in of_method])
              for method, of_method in runs.items()}
    best = {method: np.maximum.accumulate(merits[method], axis=1) for method in METHODS}
    known = best_known()
    print_table("Highest merit after so many trials", "trials",
                rows_of_budgets(best, args.initial, step=5, digits=3))
    print(f"\nThe first {args.initial} trials are the same for all. The best alloy known has a merit of {known:.3f}.")
    print(verdict(best["symmetric"][:, -1] - best["plain"][:, -1], 3))

    leaders = {}
    for method in METHODS:
        row, column = np.unravel_index(merits[method].argmax(), merits[method].shape)
        leaders[method] = runs[method][row][column]
        shares = ", ".join(f"{x:.0%} {e}" for e, x in sorted(fractions(leaders[method]).items(), key=lambda s: -s[1]))
        print(f"{LABELS[method]}: {shares}")
    write_figure(draw(best, leaders, args.initial, known), args.out / "formulation.html")


if __name__ == "__main__":
    main()
