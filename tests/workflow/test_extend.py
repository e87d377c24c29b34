"""What the README says about extending the project is enough."""

from saddle_escape.results import load_table

from .conftest import planned, snakemake


def test_one_line_adds_an_activation(tree):
    registry = tree / "workflow/saddle_escape/theory/builtin.py"
    start = "BUILTIN = {\n"
    added = '    "bump": ("z*exp(-z**2)", "bump"),\n'
    registry.write_text(registry.read_text().replace(start, start + added))
    use = 'universality={"epsilon": {"bump": [0.1]}}'
    done = snakemake(tree, "results/smoke/classes.csv", "--config", use)
    assert done.returncode == 1 and "'bump' is not in classes.activations" in done.stderr

    config = tree / "config/config.yaml"
    config.write_text(config.read_text().replace("    - linear\n", "    - linear\n    - bump\n", 1))
    done = snakemake(tree, "results/smoke/classes.csv")
    assert done.returncode == 0, done.stderr
    table = load_table(tree / "results/smoke/classes.csv").set_index("activation")
    assert tuple(table.loc["bump", ["class", "q", "c_q"]]) == ("B", 3, -2.0)
    smoke = tree / "config/smoke.yaml"
    epsilons = "    tanh: [0.1, 0.2]\n"
    smoke.write_text(smoke.read_text().replace(epsilons, f"{epsilons}    bump: [0.1]\n"))
    assert planned(tree, "figure3")["universality_network"] == 3
