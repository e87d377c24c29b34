# Everything that is computed before the claims and the drawings: a row for each study, and one rule
# that all of them share. A study's script is called like its row. A figure on demand needs no row: its
# record in the catalogue is enough (see below).

ROUTES = {
    route: section("offmanifold", f"offmanifold.{route.title()}") for route in ("flow", "sgd")
}


wildcard_constraints:
    route="|".join(ROUTES),
    block=r"\d+",
    case=r"\w+",


def seed_blocks(seeds, size):
    """Numbers of the blocks of ``size`` seeds that hold this many."""
    return range(-(-seeds // size))


def route_settings(wildcards):
    """What one route at one r reads: its own points and seed counts, not the other route's."""
    cfg, route = ROUTES[wildcards.route](wildcards), wildcards.route
    points = [
        {"r": point["r"], "epsilon": point["epsilon"], "seeds": point[route]}
        for point in cfg["points"]
        if point["r"] == int(wildcards.r)
    ]
    return cfg | {"points": points}


def point_tables(wildcards):
    """Tables of every route, r and block of seeds that has a seed in this tier."""
    cfg = CONFIGS[wildcards.tier]["offmanifold"]
    points = cfg["points"]
    most = {
        (route, r): max(p[route] for p in points if p["r"] == r)
        for route in ROUTES
        for r in dict.fromkeys(p["r"] for p in points)
    }
    return [
        f"results/{wildcards.tier}/offmanifold/{route}_r{r}_b{block}.csv"
        for (route, r), seeds in most.items()
        for block in seed_blocks(seeds, cfg["seed_block"])
    ]


def asymptotic_tables(wildcards):
    """Tables of every (depth, r): the figure's depth with each r, and one r with each depth."""
    cfg = CONFIGS[wildcards.tier]["offmanifold"]
    by_depth = cfg["depth_independence"]
    cases = [(cfg["depth"], r) for r in cfg["asymptotics"]["r"]]
    cases += [(depth, by_depth["r"]) for depth in by_depth["depths"]]
    return [
        f"results/{wildcards.tier}/offmanifold/asymptotics_L{depth}_r{r}_b{block}.csv"
        for depth, r in dict.fromkeys(cases)
        for block in seed_blocks(cfg["asymptotics"]["seeds"], cfg["asymptotics"]["seed_block"])
    ]


def each(pattern, *path):
    """Function for `input:`, a table for each value that the configuration lists at ``path``."""

    def tables(wildcards):
        values = functools.reduce(dict.get, path, CONFIGS[wildcards.tier])
        return [f"results/{wildcards.tier}/{pattern.format(value)}.csv" for value in values]

    return tables


def figure3_tables(wildcards):
    """Tables of the routes: closed form, reduction, then both networks, activation by activation."""
    routes = [f"universality/{route}_{{}}" for route in ("reduced", "network", "minibatch")]
    by_route = [each(route, "universality", "epsilon")(wildcards) for route in routes]
    closed_form = f"results/{wildcards.tier}/universality/closed_form.csv"
    return [closed_form, *(path for paths in by_route for path in paths)]


def study(kind, *tables, reads=None, data=None, per="", trains=False, script=None, inputs=None):
    """What the rule of one study is made of.

    kind: resources; tables: of its output, made by `table`; data: where its dataset lies; reads: function
    for `params:`, its settings; per: its wildcards, as its logs are called; trains: on a device that
    can be chosen; script: where another study's serves as well; inputs: what it computes from.
    """
    params = {"cfg": reads} if reads else {}
    params |= {"device": device} if trains else {}
    of_figure = any(path.startswith("<results>/figures/") for files in tables for path in files)
    small = "figures" if of_figure else "equations"
    return dict(
        kind=kind,
        group="long_networks" if kind is TRAIN_LONG else "networks" if kind is TRAIN else small,
        tables=tables,
        data=dataset(f"<results>/{data}") if data else {},
        params=params,
        per=per,
        script=script,
        inputs=inputs or {},
    )


CLASSES = "<results>/classes.csv"
PUBLISHED = "paper_check/published_points.csv"

STUDIES = {
    "classify": study(
        LIGHT, table("<results>/classes"), reads=section("classes", "classes.Classes")
    ),
    # Figure 1: a network and its reduction.
    "reduction_reduced": study(
        LIGHT, data="reduction/reduced", reads=section("reduction", "reduction.Reduced")
    ),
    "reduction_network": study(
        TRAIN,
        data="reduction/network",
        reads=section("reduction", "reduction_network.Network"),
        trains=True,
    ),
    "reduction_minibatch": study(
        TRAIN_LONG,
        data="reduction/minibatch",
        reads=section("reduction", "reduction_minibatch.Minibatch"),
        trains=True,
    ),
    "figure1_table": study(
        LIGHT,
        table("<results>/figures/figure1"),
        inputs=dict(
            reduced="<results>/reduction/reduced.nc",
            network="<results>/reduction/network.nc",
            minibatch="<results>/reduction/minibatch.nc",
        ),
    ),
    # Figure 2: the number of small layers.
    "critical_depth_balanced": study(
        SOLVE,
        table("<results>/critical_depth/balanced"),
        reads=section("critical_depth", "critical_depth.Balanced"),
        inputs=dict(
            classes=CLASSES,
        ),
    ),
    "critical_depth_bottleneck": study(
        SOLVE,
        table("<results>/critical_depth/bottleneck"),
        reads=section("critical_depth", "critical_depth.Bottleneck"),
        inputs=dict(
            classes=CLASSES,
        ),
    ),
    "figure2_table": study(
        LIGHT,
        table("<results>/figures/figure2"),
        script="concatenate",
        inputs=dict(
            tables=[
                f"<results>/critical_depth/{start}.csv" for start in ("balanced", "bottleneck")
            ],
        ),
    ),
    # Figure 3: universality.
    "universality_closed_form": study(
        LIGHT,
        table("<results>/universality/closed_form"),
        reads=section("universality", "universality.ClosedForm"),
        inputs=dict(
            classes=CLASSES,
        ),
    ),
    "universality_reduced": study(
        SOLVE,
        table("<results>/universality/reduced_{activation}"),
        reads=section("universality", "universality.Reduced", epsilon="{activation}"),
        per="/{activation}",
    ),
    "universality_network": study(
        TRAIN,
        table("<results>/universality/network_{activation}"),
        reads=section("universality", "universality_network.Network", epsilon="{activation}"),
        per="/{activation}",
        trains=True,
    ),
    "universality_minibatch": study(
        TRAIN,
        table("<results>/universality/minibatch_{activation}"),
        reads=section("universality", "universality_minibatch.Minibatch", epsilon="{activation}"),
        per="/{activation}",
        trains=True,
    ),
    "figure3_table": study(
        LIGHT,
        table("<results>/figures/figure3"),
        reads=section("universality", "universality.Figure"),
        inputs=dict(
            tables=figure3_tables,
            classes=CLASSES,
            published=PUBLISHED,
        ),
    ),
    # Figure 4: off the manifold; asymptotics, the signal, and perturbations of the manifold.
    "offmanifold_points": study(
        TRAIN_LONG,
        table("<results>/offmanifold/{route}_r{r}_b{block}"),
        reads=route_settings,
        per="/{route}_r{r}_b{block}",
        trains=True,
    ),
    "figure4_table": study(
        LIGHT,
        table("<results>/figures/figure4"),
        table("<results>/offmanifold/slopes", "slopes"),
        table("<results>/offmanifold/agreement", "agreement"),
        reads=section("offmanifold", "figure4.Figure"),
        inputs=dict(
            tables=point_tables,
            records=lambda wildcards: CONFIGS[wildcards.tier]["offmanifold"]["records"],
            published=PUBLISHED,
        ),
    ),
    "offmanifold_asymptotics": study(
        TRAIN,
        table("<results>/offmanifold/asymptotics_L{depth}_r{r}_b{block}"),
        reads=section("offmanifold", "asymptotics.Asymptotics"),
        per="/L{depth}_r{r}_b{block}",
        trains=True,
    ),
    "offmanifold_exponents": study(
        LIGHT,
        table("<results>/offmanifold/exponents", "exponents"),
        table("<results>/figures/supplement/asymptotics", "asymptotics"),
        reads=section("offmanifold", "offmanifold_tables.Exponents"),
        inputs=dict(
            tables=asymptotic_tables,
        ),
    ),
    "offmanifold_signal": study(
        TRAIN,
        table("<results>/offmanifold/signal_r{r}"),
        reads=section("offmanifold", "signal.Signal"),
        per="/r{r}",
        trains=True,
    ),
    "offmanifold_signal_table": study(
        LIGHT,
        table("<results>/offmanifold/signal_exponents", "exponents"),
        table("<results>/figures/supplement/signal", "steps"),
        inputs=dict(
            tables=each("offmanifold/signal_r{}", "offmanifold", "asymptotics", "r"),
        ),
    ),
    "offmanifold_attraction": study(
        SOLVE,
        table("<results>/figures/supplement/attraction", "steps"),
        table("<results>/offmanifold/attraction", "ends"),
        reads=section("offmanifold", "attraction.Attraction"),
    ),
    # Figure 5: three modes and one output.
    "cascade_times": study(
        SOLVE, table("<results>/cascade/times"), reads=section("cascade", "cascade.Times")
    ),
    "cascade_identity": study(
        SOLVE,
        table("<results>/cascade/identity", "rules"),
        table("<results>/cascade/sensitivity", "sensitivities"),
        reads=section("cascade", "cascade.Homotopy"),
    ),
    "cascade_flow": study(SOLVE, data="cascade/flow", reads=section("cascade", "cascade.Flow")),
    "cascade_training": study(
        TRAIN_LONG,
        table("<results>/cascade/trained"),
        data="cascade/training",
        reads=section("cascade", "cascade_training.Training"),
    ),
    "figure5_table": study(
        LIGHT,
        table("<results>/figures/figure5"),
        inputs=dict(
            times="<results>/cascade/times.csv",
            rules="<results>/cascade/identity.csv",
            sensitivities="<results>/cascade/sensitivity.csv",
            flow="<results>/cascade/flow.nc",
            trained="<results>/cascade/trained.csv",
            training="<results>/cascade/training.nc",
        ),
    ),
    # Its companion with one output per mode: off-block stability and closure as well.
    "companion_identity": study(
        SOLVE,
        table("<results>/companion/identity", "quantities"),
        table("<results>/companion/sensitivity", "sensitivities"),
        reads=section("companion", "companion.Identity"),
    ),
    "companion_trajectory": study(
        SOLVE,
        table("<results>/companion/drops", "drops"),
        data="companion/trajectory",
        reads=section("companion", "companion.Trajectory"),
    ),
    "companion_draws": study(
        SOLVE, table("<results>/companion/draws"), reads=section("companion", "companion.Draws")
    ),
    "companion_network": study(
        SOLVE,
        table("<results>/companion/network"),
        reads=section("companion", "companion_network.Network"),
    ),
    "companion_stability": study(
        SOLVE,
        table("<results>/companion/stability"),
        reads=section("companion", "stability.Stability"),
        inputs=dict(
            data="<results>/companion/trajectory.nc",
        ),
    ),
    "companion_closure": study(
        LIGHT,
        table("<results>/companion/closure", "certificates"),
        table("<results>/companion/hierarchy", "hierarchy"),
        reads=section("companion", "closure.Closure"),
    ),
    "companion_table": study(
        LIGHT,
        table("<results>/figures/supplement/companion"),
        inputs=dict(
            quantities="<results>/companion/identity.csv",
            sensitivities="<results>/companion/sensitivity.csv",
            drops="<results>/companion/drops.csv",
            data="<results>/companion/trajectory.nc",
        ),
    ),
}

# A figure on demand has one job for each case of its study, and their tables one below the other,
# unless a script of its own gathers them.
for figure in ON_DEMAND.values():
    gather = f"{figure.name}_table"
    STUDIES[figure.study] = study(
        TRAIN,
        table(f"<results>/{figure.study}/{{case}}"),
        reads=section(figure.study, f"{figure.study}.Study", cases="{case}"),
        per="/{case}",
        trains=True,
    )
    STUDIES[gather] = study(
        LIGHT,
        table(f"<results>/figures/{figure.path}"),
        script=None if (SCRIPTS / f"{gather}.py").is_file() else "concatenate",
        inputs=dict(tables=each(f"{figure.study}/{{}}", figure.study, "cases")),
    )

for name, row in STUDIES.items():

    rule:
        name:
            name
        input:
            **row["inputs"],
            code=library(f"{row['script'] or name}.py"),
        output:
            *row["tables"],
            **row["data"],
        log:
            f"<logs>/{name}{row['per']}.log",
        benchmark:
            f"<benchmarks>/{name}{row['per']}.tsv"
        priority: 10 * (row["kind"] is TRAIN_LONG)  # the longest jobs, first
        group:
            row["group"]
        resources:
            **row["kind"],
        params:
            **row["params"],
            script=row["script"] or name,  # a script's path is filled in when the job runs
        script:
            "../scripts/{params.script}.py"
