"""Figures show the right numbers: orbits, domain and left-out predictions against brute force, the surface against Ax.

One-line bugs that turn this file red: let `_places` stop after the first generator; measure `_outside` without the
mirrored points; leave the canonical form out of the slice; transpose the surface; take Ax's order of rows for the order
of trials; show all of many images; divide left-out means by the precision; forget to undo the standardisation; join
arms that differ elsewhere; accumulate the maximum of what is minimised; count abandoned trials; draw the objective in
place of the metric; leave the options of the dict aside; say that a derived parameter is fixed; let a shorter repeat go
on for ever; hand `step` columns to `Data`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from itertools import permutations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from ax.core import parameter
from ax.core.arm import Arm
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.metric import Metric
from ax.core.objective import Objective
from ax.core.observation import ObservationFeatures
from ax.core.optimization_config import OptimizationConfig
from ax_symmetry import Symmetry, SymmetryError, get_botorch
from ax_symmetry._ax.fitted_models import fitted_model
from ax_symmetry.analyses import DomainPlot, LeftOutPlot, OrbitPlot
from ax_symmetry.diagnostics import check_symmetry
from ax_symmetry.plotting import plot_best, plot_domain, plot_left_out, plot_orbits
from ax_symmetry.plotting.domain_slice import domain_slice
from plotly import graph_objects as go
from support import FITTED, add_trial, choice, data_of, experiment, features, fill, float_range, int_range
from support import random_points, space

BLOCKS = {"blocks": [["m1", "f1"], ["m2", "f2"], ["m3", "f3"]]}
SPACE = space([float_range(n) for n in ("m1", "f1", "m2", "f2", "m3", "f3", "z")])
ROTATIONS = [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
Point = Mapping[str, Any]


def even(p: Point) -> float:
    return float(sum(p[f"f{k}"] * np.sin(4 * p[f"m{k}"]) for k in (1, 2, 3)) + 0.3 * p["z"])


def orbit(p: Point, orders: Iterable[Iterable[int]], signs: bool = False) -> list[dict[str, Any]]:
    """List the images under orders of the three blocks, and, with `signs`, of mirrors of m1, m2, m3 at one half."""
    images = []
    for order in orders:
        for flips in product((False, True), repeat=3) if signs else [(False,) * 3]:
            image = dict(p)
            for k, (source, flip) in enumerate(zip(order, flips)):
                mean = p[f"m{source + 1}"]
                image[f"m{k + 1}"], image[f"f{k + 1}"] = (1 - mean if flip else mean), p[f"f{source + 1}"]
            images.append(image)
    return images


S3 = list(permutations(range(3)))
SIGNED = {**BLOCKS, "mirror": [{f"m{k}": 0.5} for k in (1, 2, 3)]}
GROUPS = {
    "symmetric": (BLOCKS, lambda p: orbit(p, S3)),
    "cyclic": ({**BLOCKS, "group": "cyclic"}, lambda p: orbit(p, ROTATIONS)),
    "signed": (SIGNED, lambda p: orbit(p, S3, signs=True)),
}


@pytest.fixture(scope="module")
def run() -> Experiment:
    """Make an experiment in units of its own, of which three arms are one experiment and two another."""
    made, rng = experiment(SPACE), np.random.default_rng(5)
    points = random_points(SPACE, 11)
    points += [orbit(points[2], S3)[k] for k in (3, 4)] + [orbit(points[7], S3)[1], {**points[7], "z": 0.5}]
    for p in points:
        add_trial(made, p, {"y": (100 + 20 * even(p) + rng.normal(), 1.0)})
    return made


@pytest.fixture(scope="module")
def plain(run: Experiment) -> Any:
    """Fit Ax's own model to it; before Ax 0.5 an adapter does not know its experiment, so it is told."""
    adapter = get_botorch(run, run.lookup_data())
    adapter._experiment = run
    return adapter


def arms(run: Experiment) -> dict[str, Point]:
    return {name: arm.parameters for name, arm in run.arms_by_name.items()}


def rounded(points: Iterable[Iterable[float]]) -> set[tuple[float, ...]]:
    return {tuple(round(float(v), 9) for v in point) for point in points}


def named(figure: go.Figure, word: str) -> Any:
    (found,) = [trace for trace in figure.data if trace.name is not None and word in trace.name]
    return found


@pytest.mark.parametrize("axes", [("m1", "m2"), ("m2", "f2"), ("f3", "m1"), ("m1", "z")])
@pytest.mark.parametrize("group", GROUPS)
def test_observations_and_images_are_the_orbits(
    run: Experiment, plain: Any, group: str, axes: tuple[str, str]
) -> None:
    config, listed = GROUPS[group]
    figure = plot_domain(plain, config, *axes, density=3)
    seen, images = named(figure, "observations"), named(figure, "images")
    assert dict(zip(seen.customdata[:, 0], zip(seen.x, seen.y))) == {
        name: (p[axes[0]], p[axes[1]]) for name, p in arms(run).items()}
    assert len(rounded(zip(images.x, images.y))) <= len(images.x)
    for name, p in arms(run).items():
        own = images.customdata[:, 0] == name
        expected = rounded((image[axes[0]], image[axes[1]]) for image in listed(p)) - rounded([[p[a] for a in axes]])
        drawn = list(zip(np.asarray(images.x)[own], np.asarray(images.y)[own]))
        assert rounded(drawn) == expected and len(drawn) == len(expected)


def test_images_under_a_group_too_large_to_list() -> None:
    names = [f"x{i}" for i in range(12)]
    made = fill(experiment(space([float_range(n) for n in names])), 3, lambda p: sum(p.values()))
    found = domain_slice(made, {"blocks": [[n] for n in names]}, "x0", "x1", density=2).points
    for name, p in arms(made).items():
        drawn = found[found["arm_name"] == name]
        assert rounded(zip(drawn["x0"], drawn["x1"])) == rounded(permutations(p.values(), 2))


@pytest.mark.parametrize("order_by", [[], ["f1"]])
@pytest.mark.parametrize("group", GROUPS)
def test_the_bright_part_is_canonical(plain: Any, group: str, order_by: list[str]) -> None:
    """Brute force: a point is canonical if no image comes before it, in the order in which slots are compared."""
    config, listed = GROUPS[group]
    slots = "fm" if order_by else "mf"
    order = [f"{slot}{k}" for k in (1, 2, 3) for slot in slots]
    for axes in (("m1", "m2"), ("m3", "f2"), ("f1", "f2")):
        for seed in range(3):
            rng = np.random.default_rng(seed)
            others = {n: float(rng.random()) for n in SPACE.parameters if n not in axes}
            figure = plot_domain(plain, {**config, "order_by": order_by}, *axes, density=8, slice_values=others)
            wall = named(figure, "not canonical")
            assert (wall.contours.operation, wall.contours.value) == ("<=", 0)  # plotly shades what is not
            for (j, b), (i, a) in product(enumerate(wall.y), enumerate(wall.x)):
                point = {**others, axes[0]: a, axes[1]: b}
                rows = [tuple(round(image[n], 12) for n in order) for image in listed(point)]
                means = [point[f"m{k}"] for k in (1, 2, 3)]
                tied = [means + [1 - m for m in means], [point[f"f{k}"] for k in (1, 2, 3)]]
                if min(np.diff(np.sort(values)).min() for values in tied) > 1e-9:  # else it may lie on a wall
                    assert (wall.z[j][i] < 0) == (min(rows) == tuple(round(point[n], 12) for n in order))


@pytest.mark.parametrize("options", [{}, {"base_kernel": "rbf"}], ids=str)
def test_the_surface_is_what_ax_predicts(run: Experiment, options: dict[str, str]) -> None:
    adapter = get_botorch(run, run.lookup_data(), symmetry={**BLOCKS, **options})
    adapter._experiment = run
    fixed = {"f1": 0.2, "m2": 0.7, "m3": 0.1, "f3": 0.9, "z": 0.4}
    surface = plot_domain(adapter, BLOCKS, "m1", "f2", density=4, slice_values=fixed).data[0]
    assert list(surface.x) == list(surface.y) == pytest.approx([0, 1 / 3, 2 / 3, 1])
    for j, i in product(range(4), range(4)):
        point = ObservationFeatures(parameters={**fixed, "m1": surface.x[i], "f2": surface.y[j]})
        means, covariances = adapter.predict([point])
        assert surface.z[j][i] == pytest.approx(means["y"][0])
        assert surface.customdata[j][i] == pytest.approx(covariances["y"]["y"][0] ** 0.5)
    own = plot_domain(run, {**BLOCKS, **options}, "m1", "f2", density=4, slice_values=fixed).data[0]
    np.testing.assert_allclose(own.z, surface.z, atol=20 * FITTED)


@pytest.mark.parametrize("minimize", [False, True])
def test_the_slice_goes_through_the_best_canonical_point(minimize: bool) -> None:
    config = OptimizationConfig(objective=Objective(metric=Metric(name="y"), minimize=minimize))
    made = fill(experiment(SPACE, optimization_config=config), 9, even)
    best = (min if minimize else max)(arms(made).values(), key=even)
    order = [f"{slot}{k}" for k in (1, 2, 3) for slot in "mf"]
    canonical = min(orbit(best, S3), key=lambda p: [p[n] for n in order])
    found = domain_slice(made, BLOCKS, "m1", "f2", density=2)
    assert found.fixed == {n: v for n, v in canonical.items() if n not in ("m1", "f2")}


def test_scales_integers_and_choices() -> None:
    made = experiment(space([
        float_range("a", 0.01, 100.0, log_scale=True), float_range("b", 0.01, 100.0, log_scale=True),
        int_range("i", 1, 4), int_range("j", 1, 4), choice("c", ["p", "q"]),
    ]))
    for k, p in enumerate(random_points(made.search_space, 6)):
        add_trial(made, p, {"y": (float(k), 0.1)})
    config = {"blocks": [["a", "i"], ["b", "j"]]}
    figure = plot_domain(made, config, "a", "j", density=5)
    np.testing.assert_allclose(figure.data[0].x, [0.01, 0.1, 1, 10, 100])
    assert list(figure.data[0].y) == [1, 2, 3, 4]
    assert figure.layout.xaxis.type == "log" and figure.layout.xaxis.range == pytest.approx((-2, 2))
    fixed = domain_slice(made, config, "a", "j", density=2, slice_values={"b": 1.0}).fixed
    assert fixed["b"] == 1.0 and fixed["c"] in ("p", "q") and isinstance(fixed["i"], int)
    wall = plot_domain(made, config, "a", "j", density=5, slice_values={"b": 1.0}).data[1].z
    np.testing.assert_allclose(wall, [[-0.5, -0.25, 0, 0.25, 0.5]] * 4, atol=1e-12)


def test_a_derived_fraction_is_what_the_others_leave() -> None:
    """It is fixed at no value, nor can it be given one, as it changes along the axes."""
    if not hasattr(parameter, "DerivedParameter"):
        pytest.skip("this Ax derives no parameters")
    third = parameter.DerivedParameter("f3", parameter.ParameterType.FLOAT, "1.0 - f1 - f2")
    made = experiment(space([*map(float_range, ("f1", "f2", "z")), third], [({"f1": 1.0, "f2": 1.0}, 1.0)]))
    config = {"blocks": [["f1"], ["f2"], ["f3"]], "simplex": {"parameters": ["f1", "f2", "f3"]}}
    for f1, f2, f3 in np.random.default_rng(0).dirichlet([1.0, 1.0, 1.0], size=6).tolist():
        add_trial(made, {"f1": f1, "f2": f2, "f3": 1.0 - f1 - f2, "z": f1}, {"y": (f1 * f2 * f3, 0.1)})
    adapter = get_botorch(made, made.lookup_data(), symmetry=config)
    found = domain_slice(adapter, config, "f1", "z", density=3, slice_values={"f2": 0.25})
    assert found.fixed == {"f2": 0.25}
    points = [{"f1": f1, "f2": 0.25, "f3": 0.75 - f1, "z": z} for z in (0.0, 0.5, 1.0) for f1 in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(found.surface["mean"], adapter.predict(features(points))[0]["y"])
    with pytest.raises(SymmetryError, match="0.5 is no value of another parameter 'f3'; set values of f2"):
        domain_slice(adapter, config, "f1", "z", density=3, slice_values={"f3": 0.5})


def left_out_by_hand(made: Experiment, **how: Any) -> dict[str, tuple[float, float, float]]:
    """Condition the fitted process on all observations but one, one after the other, in the metric's units."""
    data = made.lookup_data().df.set_index("arm_name")["mean"]
    model = fitted_model(get_botorch(made, made.lookup_data(), **how))
    x = np.array([[arms(made)[name][n] for n in made.search_space.parameters] for name in data.index])
    with torch.no_grad():
        scale = data.std()
        covariance = scale**2 * model.eval().covar_module(torch.tensor(x)).to_dense().numpy()
        mean = data.mean() + scale * float(model.mean_module.constant)
        noise = scale**2 * float(model.likelihood.noise.mean())
    covariance, y, found = covariance + noise * np.eye(len(y := data.to_numpy())), y, {}
    for i, name in enumerate(data.index):
        rest = np.arange(len(y)) != i
        gain = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, i])
        found[name] = (y[i], mean + gain @ (y - mean)[rest], (covariance[i, i] - gain @ covariance[rest, i]) ** 0.5)
    return found


def test_left_out_predictions_by_hand(run: Experiment) -> None:
    """Twelve arms and more: by name, 10_0 comes before 2_0."""
    figure = plot_left_out(run, BLOCKS)
    for word, how in (("without", {}), ("with the", {"symmetry": {**BLOCKS, "base_kernel": "rbf"}})):
        trace = named(figure, word)
        expected = left_out_by_hand(run, **how)
        assert sorted(trace.customdata[:, 0]) == sorted(expected)
        for name, x, y, bar, sd in zip(
            trace.customdata[:, 0], trace.x, trace.y, trace.error_y.array, trace.customdata[:, 1]
        ):
            np.testing.assert_allclose([x, y, sd, bar / 2], [*expected[name], expected[name][2]], rtol=1e-6)
        error = np.sqrt(np.mean([(a - b) ** 2 for a, b, _ in expected.values()]))
        assert trace.name.endswith(f"RMSE {error:.3g}")
    with_it, without = (float(named(figure, w).name.split()[-3].strip(",")) for w in ("with the", "without"))
    report = check_symmetry(run, BLOCKS)
    assert with_it - without == pytest.approx(report.loo_gain[0], abs=0.11)
    known, plain = (float(named(figure, w).name.split()[-1]) for w in ("with the", "without"))
    said = figure.layout.title.text.replace("<br>", " ").partition("predictions err ")[2]
    assert float(said.split()[0]) == pytest.approx(known / plain, rel=0.06)
    diagonal = named(figure, "predicted as observed")
    assert list(diagonal.x) == list(diagonal.y) == pytest.approx([min(trace.x), max(trace.x)])


@pytest.mark.parametrize("group", GROUPS)
def test_orbits_by_brute_force(run: Experiment, group: str) -> None:
    config, listed = GROUPS[group]
    images = {name: rounded(tuple(image[n] for n in SPACE.parameters) for image in listed(p))
              for name, p in arms(run).items()}
    groups = {frozenset(b for b in images if images[a] & images[b]) for a in images}
    figure = plot_orbits(run, config)
    lines = [t for t in figure.data if "lines" in t.mode]
    assert {frozenset(t.customdata[:, 0]) for t in lines} == {g for g in groups if len(g) > 1} and lines
    assert set(named(figure, "seen once").customdata[:, 0]) == {a for g in groups if len(g) == 1 for a in g}
    data = run.lookup_data().df.set_index("arm_name")
    for trace in figure.data:
        names = trace.customdata[:, 0]
        np.testing.assert_array_equal(trace.x, data.loc[names, "trial_index"])
        np.testing.assert_array_equal(trace.y, data.loc[names, "mean"])
        np.testing.assert_allclose(trace.error_y.array, 2 * data.loc[names, "sem"])
    assert sum(bool(t.showlegend) for t in lines) == 1 and lines[0].name.endswith(f": {len(lines)}")
    assert f"y: {len(lines)} experiment" in figure.layout.title.text


def searched(values: Iterable[Iterable[float]], minimize: bool, lost: str) -> Experiment:
    """Make an experiment with these values of the arms of each trial; the fourth trial failed, or was abandoned."""
    config = OptimizationConfig(objective=Objective(metric=Metric(name="y"), minimize=minimize))
    made = experiment(space([float_range("a"), float_range("b")]), optimization_config=config)
    rng = np.random.default_rng(0)
    for k, of_trial in enumerate(values):
        trial = made.new_batch_trial()
        for _ in of_trial:
            trial.add_arm(Arm(parameters={"a": float(rng.random()), "b": float(rng.random())}))
        trial.mark_running(no_runner_required=True)
        rows = [data_of(trial.index, arm.name, {"y": (v, 0.1)}).df for arm, v in zip(trial.arms, of_trial)]
        made.attach_data(Data(df=pd.concat(rows)))
        getattr(trial, f"mark_{lost}" if k == 3 else "mark_completed")()
    return made


@pytest.mark.parametrize("lost", ["failed", "abandoned"])
@pytest.mark.parametrize("minimize", [False, True])
def test_best_so_far(minimize: bool, lost: str) -> None:
    rng = np.random.default_rng(2)
    values = [rng.normal(size=(n, 2)) for n in (9, 8, 9, 10)]
    for v in values:
        v[3] = -100 if minimize else 100  # of the trial that is lost
    plain = rng.normal(size=(7, 1))
    accumulate = (np.minimum if minimize else np.maximum).accumulate
    pick = np.min if minimize else np.max
    runs = np.array([accumulate(pick(np.delete(v, 3, axis=0), axis=1))[:7] for v in values])
    figure = plot_best({
        "ours": [searched(v, minimize, lost) for v in values], "plain Ax": searched(plain, minimize, lost)})
    low, high, middle, single = figure.data
    np.testing.assert_allclose(middle.y, np.median(runs, axis=0))
    np.testing.assert_allclose([low.y, high.y], np.quantile(runs, [0.25, 0.75], axis=0))
    np.testing.assert_array_equal(middle.x, np.arange(1, 8))
    assert high.fill == "tonexty" and "ours" in middle.name and "4" in middle.name
    np.testing.assert_allclose(single.y, accumulate(np.delete(plain, 3, axis=0)[:, 0]))
    title = figure.layout.title.text.replace("<br>", " ")
    assert title == f"Best y after 6 trials: {middle.y[5]:.3g} ours, {single.y[5]:.3g} plain Ax"
    assert single.name == "plain Ax" and figure.layout.yaxis.title.text == "best y observed so far"


def test_a_metric_that_says_which_way() -> None:
    made = experiment(space([float_range("a"), float_range("b")]))
    made.add_tracking_metric(Metric(name="w", lower_is_better=True))
    for k, value in enumerate([3.0, 5.0, 2.0]):
        add_trial(made, {"a": 0.1 * k, "b": 0.5}, {"w": (value, 0.1), "y": (0.0, 0.1)})
    assert list(plot_best({"one": made}, metric="w").data[0].y) == [3, 3, 2]


@pytest.mark.parametrize("plot", [plot_left_out, plot_orbits, plot_domain])
def test_a_figure_is_of_the_metric_that_is_named(plot: Callable[..., Any]) -> None:
    """It is the one of an experiment that has no other."""
    both, alone = experiment(SPACE, ("y", "w")), experiment(SPACE, ("w",))
    for p in random_points(SPACE, 7):
        add_trial(both, p, {"y": (even(p), 0.1), "w": (p["m1"] * p["m2"] * p["m3"] - p["z"], 0.1)})
        add_trial(alone, p, {"w": (p["m1"] * p["m2"] * p["m3"] - p["z"], 0.1)})
    axes, how = (("m1", "m2"), {"density": 3}) if plot is plot_domain else ((), {})
    assert plot(both, BLOCKS, *axes, metric="w", **how).to_json() == plot(alone, BLOCKS, *axes, **how).to_json()


def test_figures_have_names(run: Experiment) -> None:
    """Titles break before they are cut off on a phone; every axis and every trace of the legend has a name."""
    figures = [
        (plot_domain(run, BLOCKS, "m1", "m2", density=3), "m1", "m2"),
        (plot_left_out(run, BLOCKS), "observed y", "predicted y"),
        (plot_orbits(run, BLOCKS), "trial", "y"),
        (plot_best({"ours": run}), "trials", "best y observed so far"),
    ]
    for figure, x, y in figures:
        assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (x, y)
        assert "y" in figure.layout.title.text
        assert all(len(line.removeprefix("<sub>").removesuffix("</sub>")) <= 60
                   for line in figure.layout.title.text.split("<br>"))
        assert all(t.name for t in figure.data if t.showlegend is not False and t.type != "contour")
        assert all(t.hovertemplate or t.hoverinfo == "skip" for t in figure.data)


@pytest.mark.parametrize("n, crowded", [(60, False), (61, True)])
def test_many_observations_stay_readable(n: int, crowded: bool) -> None:
    """Images in their hundreds wait for a click, and points shrink."""
    figure = plot_domain(fill(experiment(SPACE), n, even, sem=0.1), BLOCKS, "m1", "m2", density=2)
    seen, images = named(figure, "observations"), named(figure, "images")
    assert len(images.x) == 5 * n and images.visible == ("legendonly" if crowded else True)
    assert seen.visible is True and (seen.marker.size < 9) == (images.marker.size < 7) == crowded


def analyses() -> list[Any]:
    return [DomainPlot(BLOCKS, "m1", "m2", density=4), LeftOutPlot(Symmetry.from_config(BLOCKS)), OrbitPlot(BLOCKS)]


FIGURES: list[Callable[[Experiment], go.Figure]] = [
    lambda run: plot_domain(run, BLOCKS, "m1", "m2", density=4),
    lambda run: plot_left_out(run, BLOCKS),
    lambda run: plot_orbits(run, BLOCKS),
]


def numbers(values: Any) -> np.ndarray:
    """Read numbers as newer plotly writes them into JSON, or as they are."""
    if isinstance(values, dict):
        values = np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return np.asarray(values, dtype=float).ravel()


@pytest.mark.parametrize("which", range(3))
def test_analyses_show_the_same_figures(run: Experiment, which: int) -> None:
    """On every Ax, also where no Client asks for them."""
    result = analyses()[which].compute(experiment=run)
    (card,) = result if isinstance(result, list) else [result]
    expected = FIGURES[which](run)
    assert card.name == ("DomainPlot", "LeftOutPlot", "OrbitPlot")[which] and len(card.df)
    for drawn, wanted in zip(card.get_figure().data, expected.data, strict=True):
        for key in {"x", "y", "z"} & set(wanted):
            np.testing.assert_allclose(numbers(drawn[key]), numbers(wanted[key]), atol=1e-3)


def test_an_adapter_is_used_as_it_is(run: Experiment, plain: Any) -> None:
    """It does not know the symmetry: m1 and m2 are not alike."""
    fixed = {n: 0.5 for n in SPACE.parameters if n not in ("m1", "m2")}
    given = DomainPlot(BLOCKS, "m1", "m2", density=5, slice_values=fixed).show(run, plain)[1]
    own = DomainPlot(BLOCKS, "m1", "m2", density=5, slice_values=fixed).show(run, None)[1]
    one, other = (table["mean"].to_numpy().reshape(5, 5) for table in (given, own))
    assert np.ptp(one - one.T) > 0.1 and np.ptp(other - other.T) < 1e-3


def test_an_analysis_without_data_says_so() -> None:
    for analysis in analyses():
        assert "needs an experiment with data" in analysis.validate_applicable_state(experiment(SPACE))
        result = analysis.compute_result(experiment=experiment(SPACE))
        assert "needs an experiment with data" in str(getattr(result.err, "exception", result.err))


def test_a_client_computes_them() -> None:
    client_module = pytest.importorskip("ax.api.client", reason="Ax 1.0 and later")
    from ax.api.configs import RangeParameterConfig

    client = client_module.Client(random_seed=0)
    client.configure_experiment(
        parameters=[RangeParameterConfig(name=n, parameter_type="float", bounds=(0, 1)) for n in SPACE.parameters])
    client.configure_optimization(objective="-loss")
    client.configure_generation_strategy()
    for point in random_points(SPACE, 8):
        client.complete_trial(client.attach_trial(point), raw_data={"loss": (even(point), 0.1)})
    cards = client.compute_analyses(analyses(), display=False)
    assert [card.title for card in cards] == [
        "loss over m1 and m2: candidates lie in the bright part", cards[1].title,
        "loss: no experiment was measured more than once",
    ]
    assert cards[1].title.startswith("loss: with the symmetry, predictions err ")
    for card in cards:
        assert card.get_figure().data and "<div" in card._repr_html_()
    assert check_symmetry(client._experiment, BLOCKS).metric == "loss"


@pytest.mark.parametrize("plot", [plot_left_out, plot_orbits, plot_domain])
def test_an_arm_without_an_outcome_is_no_point(plot: Callable[..., Any]) -> None:
    """A mean that is nan is none: the figures are those of the other arms."""
    axes = ("m1", "m2") if plot is plot_domain else ()
    how = {"density": 3} if axes else {}
    figures = []
    for missing in (False, True):
        made = fill(experiment(SPACE), 6, lambda p: p["m1"] + p["m2"] + p["m3"], sem=0.1)
        if missing:
            add_trial(made, random_points(SPACE, 1)[0], {"y": (float("nan"), 0.1)})
        figures.append(plot(made, BLOCKS, *axes, **how).to_json())
    assert figures[0] == figures[1]
