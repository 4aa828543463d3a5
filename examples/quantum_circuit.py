"""Find the ground state of a ring of spins with a quantum circuit
================================================================

A variational quantum algorithm turns qubits by angles, and looks for those that minimise an energy. The energy does not
change when an angle goes once round, nor when the angles are read from another qubit of the ring on, or the other way
about. The script simulates four qubits, and searches twice from the same starting points: without and with these
symmetries. ::

    python quantum_circuit.py                           # progress, a table, and quantum_circuit.html
    python quantum_circuit.py --repeats 8 --trials 60   # more repeats, a longer search

Each qubit is turned about the y axis by its first angle, neighbours on the ring interact (a controlled phase), and each
is turned by its second angle. The energy is that of the Ising model in a transverse field, `-sum Z Z - field sum X`
(Peruzzo et al., "A variational eigenvalue solver on a photonic quantum processor", Nature Communications 2014; Kandala
et al., "Hardware-efficient variational quantum eigensolver for small molecules and quantum magnets", Nature 2017).
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from ax.service.utils.instantiation import InstantiationBase

from comparison import draw_best, new_parser, optimise, print_table, rows_of_budgets, run_all, verdict, write_figure

METHODS = ("plain", "symmetric")
METRIC = "energy"
QUBITS, FIELD = 4, 0.8
TURN = 2 * np.pi
BLOCKS = [[f"first_{k}", f"second_{k}"] for k in range(1, QUBITS + 1)]
NAMES = [name for block in BLOCKS for name in block]
SYMMETRY = {"blocks": BLOCKS, "group": "dihedral", "period": dict.fromkeys(NAMES, TURN)}

IDENTITY, X, Z = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])


def on(operators: dict[int, np.ndarray]) -> np.ndarray:
    """Return the operator that acts on some of the qubits."""
    return reduce(np.kron, [operators.get(k, IDENTITY) for k in range(QUBITS)])


HAMILTONIAN = -sum(on({k: Z, (k + 1) % QUBITS: Z}) + FIELD * on({k: X}) for k in range(QUBITS))
BITS = (np.arange(2**QUBITS)[:, None] >> np.arange(QUBITS)[::-1]) & 1
PHASES = (-1.0) ** (BITS * np.roll(BITS, -1, axis=1)).sum(axis=1)  # controlled phases of all neighbours
GROUND = float(np.linalg.eigvalsh(HAMILTONIAN)[0])


def turned(angles: np.ndarray) -> np.ndarray:
    """Return the operator that turns each qubit about the y axis by its angle."""
    half = angles / 2
    return reduce(np.kron, [np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in half])


def energy(point: dict[str, float]) -> float:
    """Return the energy of the state that the circuit makes of 0."""
    angles = np.array([[point[name] for name in block] for block in BLOCKS])
    state = turned(angles[:, 1]) @ (PHASES * turned(angles[:, 0])[:, 0])
    return float(state @ HAMILTONIAN @ state)


def search(method: str, seed: int, n_initial: int, n_trials: int) -> list[dict[str, float]]:
    """Run one search; return the angles and the energies of its trials in turn."""
    units = torch.quasirandom.SobolEngine(len(NAMES), scramble=True, seed=seed).draw(n_initial, dtype=torch.double)
    parameters: list[dict[str, Any]] = [
        {"name": name, "type": "range", "value_type": "float", "bounds": [0.0, TURN]} for name in NAMES
    ]
    experiment = InstantiationBase.make_experiment(
        name="quantum_circuit", parameters=parameters, objectives={METRIC: "minimize"}
    )
    return optimise(method, seed, n_initial, n_trials, experiment=experiment, metric=METRIC,
                    points=[dict(zip(NAMES, row)) for row in (TURN * units).tolist()],
                    evaluate=lambda point: {METRIC: energy(point)}, symmetry=SYMMETRY)


def draw(best: dict[str, np.ndarray], n_initial: int) -> go.Figure:
    """Draw the lowest energy so far (repeats x trials), median and range."""
    fig = go.Figure()
    draw_best(fig, best, n_initial, digits=2)
    fig.add_hline(y=GROUND, line_dash="dot", annotation_text=f"ground state, {GROUND:.2f}")
    title = f"A circuit of {QUBITS} qubits: median and range of {len(best['plain'])} repeats"
    return fig.update_layout(title=title, xaxis_title="trials", yaxis_title="lowest energy so far",
                             template="plotly_white", legend={"x": 0.98, "y": 0.98, "xanchor": "right"})


def main() -> None:
    parser = new_parser(__doc__, {"--trials": 40, "--initial": 16, "--repeats": 6},
                        "repeats, each with its own seed")
    args = parser.parse_args()
    runs = run_all(search, METHODS, args, (args.initial, args.trials), steps=args.trials)
    energies = {method: np.array([[point[METRIC] for point in points] for points in of_method])
                for method, of_method in runs.items()}
    best = {method: np.minimum.accumulate(energies[method], axis=1) for method in METHODS}
    print_table("Lowest energy after so many trials", "trials", rows_of_budgets(best, args.initial, step=8, digits=2))
    print(f"\nThe first {args.initial} trials are the same for both. The ground state has {GROUND:.2f}.")
    print(verdict(best["plain"][:, -1] - best["symmetric"][:, -1], 2))
    write_figure(draw(best, args.initial), args.out / "quantum_circuit.html")


if __name__ == "__main__":
    main()
