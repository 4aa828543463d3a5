"""
Look at your own experiment
===========================

The figures of `ax_symmetry.plotting`, on two searches for the best layout of two lamps over a table: with the symmetry
and without it. The lamps are of the same make, so that (x, power) of both may trade places.
"""

import numpy as np
import torch
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig

from ax_symmetry import get_botorch
from ax_symmetry.plotting import plot_best, plot_domain, plot_left_out, plot_orbits

symmetry = {"blocks": [["x_1", "power_1"], ["x_2", "power_2"]]}
names = sum(symmetry["blocks"], [])
table = np.linspace(0.0, 1.0, 21)
rng = np.random.default_rng(0)


def evenness(p):
    """Measure how even the light of both lamps is, with a standard error of 0.02."""
    light = sum(p[f"power_{k}"] / (0.15 + (table - p[f"x_{k}"]) ** 2) for k in (1, 2))
    return float(light.min() - 0.3 * light.std() - 0.3 * light.mean() + 0.02 * rng.normal())


def search(seed, trials, **knowledge):
    """Run a search: eight Sobol points, the same for both, then Ax."""
    torch.manual_seed(seed)
    client = Client(random_seed=seed)
    client.configure_experiment([
        RangeParameterConfig(name=name, parameter_type="float", bounds=(0.0, 1.0)) for name in names
    ])
    client.configure_optimization(objective="evenness")
    start = torch.quasirandom.SobolEngine(4, scramble=True, seed=seed).draw(8).tolist()
    for number in range(trials):
        if number < 8:
            point = dict(zip(names, start[number]))
        else:
            data = client._experiment.lookup_data()
            point = get_botorch(client, data, **knowledge).gen(1).arms[0].parameters
        client.complete_trial(client.attach_trial(point), raw_data={"evenness": (evenness(point), 0.02)})
    return client


known = [search(seed, 20, symmetry=symmetry) for seed in (0, 1, 2)]
plain = [search(seed, 20) for seed in (0, 1, 2)]

# %%
# **What the model predicts** over two of the parameters, the others held at those of the best trial. Every experiment
# has one order of its blocks in the bright part, the fundamental domain. Hollow points are images of filled ones.

plot_domain(known[0], symmetry, "x_1", "x_2").show()

# %%
# **Does it help the model?** Each observation, predicted from all others, with the symmetry and without it.

plot_left_out(known[0], symmetry).show()

# %%
# **Which trials are the same experiment?** Here two that were run on purpose, in both orders.

for swapped in (False, True):
    point = dict(zip(names, (0.8, 0.6, 0.2, 0.9) if swapped else (0.2, 0.9, 0.8, 0.6)))
    plain[0].complete_trial(plain[0].attach_trial(point), raw_data={"evenness": (evenness(point), 0.02)})
plot_orbits(plain[0], symmetry).show()

# %%
# **Does it help the search?** The best measurement so far, median and quartiles of three searches each; three are too
# few to tell, and the `benchmarks <../benchmarks.html>`__ have more.

plot_best({"with the symmetry": known, "Ax alone": plain}).show()
