# Figure 4: He-normal networks off the symmetric manifold, by gradient flow and by SGD; the flow's
# asymptotics, its independence of depth, the signal's growth, and perturbations of the manifold.

ROUTES = {
    route: section("offmanifold", f"offmanifold.{route.title()}") for route in ("flow", "sgd")
}


wildcard_constraints:
    route="|".join(ROUTES),
    block=r"\d+",


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


def point_records(wildcards):
    """Tables that the full tier once left for points that are too long for this tier."""
    return CONFIGS[wildcards.tier]["offmanifold"]["records"]


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


def signal_tables(wildcards):
    """Tables of the signal, one for each r of the asymptotics."""
    return expand(
        rules.offmanifold_signal.output.table,
        r=CONFIGS[wildcards.tier]["offmanifold"]["asymptotics"]["r"],
        allow_missing=True,
    )


rule offmanifold_points:
    input:
        code=library("offmanifold_points.py"),
    output:
        table("<results>/offmanifold/{route}_r{r}_b{block}"),
    log:
        "<logs>/offmanifold_points/{route}_r{r}_b{block}.log",
    benchmark:
        "<benchmarks>/offmanifold_points/{route}_r{r}_b{block}.tsv"
    priority: 10  # the longest jobs, first
    resources:
        **TRAIN_LONG,
    params:
        cfg=route_settings,
        device=device,
    script:
        "../scripts/offmanifold_points.py"


rule offmanifold_asymptotics:
    input:
        code=library("offmanifold_asymptotics.py"),
    output:
        table("<results>/offmanifold/asymptotics_L{depth}_r{r}_b{block}"),
    log:
        "<logs>/offmanifold_asymptotics/L{depth}_r{r}_b{block}.log",
    benchmark:
        "<benchmarks>/offmanifold_asymptotics/L{depth}_r{r}_b{block}.tsv"
    resources:
        **TRAIN,
    params:
        cfg=section("offmanifold", "asymptotics.Asymptotics"),
        device=device,
    script:
        "../scripts/offmanifold_asymptotics.py"


rule offmanifold_exponents:
    input:
        tables=asymptotic_tables,
        code=library("offmanifold_exponents.py"),
    output:
        table("<results>/offmanifold/exponents", "exponents"),
        table("<results>/figures/supplement/asymptotics", "asymptotics"),
    log:
        "<logs>/offmanifold_exponents.log",
    benchmark:
        "<benchmarks>/offmanifold_exponents.tsv"
    resources:
        **LIGHT,
    params:
        cfg=section("offmanifold", "offmanifold_tables.Exponents"),
    script:
        "../scripts/offmanifold_exponents.py"


rule offmanifold_signal:
    input:
        code=library("offmanifold_signal.py"),
    output:
        table("<results>/offmanifold/signal_r{r}"),
    log:
        "<logs>/offmanifold_signal/r{r}.log",
    benchmark:
        "<benchmarks>/offmanifold_signal/r{r}.tsv"
    resources:
        **TRAIN,
    params:
        cfg=section("offmanifold", "signal.Signal"),
        device=device,
    script:
        "../scripts/offmanifold_signal.py"


rule offmanifold_signal_table:
    input:
        tables=signal_tables,
        code=library("offmanifold_signal_table.py"),
    output:
        table("<results>/offmanifold/signal_exponents", "exponents"),
        table("<results>/figures/supplement/signal", "steps"),
    log:
        "<logs>/offmanifold_signal_table.log",
    benchmark:
        "<benchmarks>/offmanifold_signal_table.tsv"
    resources:
        **LIGHT,
    script:
        "../scripts/offmanifold_signal_table.py"


rule offmanifold_attraction:
    input:
        code=library("offmanifold_attraction.py"),
    output:
        table("<results>/figures/supplement/attraction", "steps"),
        table("<results>/offmanifold/attraction", "ends"),
    log:
        "<logs>/offmanifold_attraction.log",
    benchmark:
        "<benchmarks>/offmanifold_attraction.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("offmanifold", "attraction.Attraction"),
    script:
        "../scripts/offmanifold_attraction.py"


rule figure4_table:
    input:
        tables=point_tables,
        records=point_records,
        published="paper_check/published_points.csv",
        code=library("figure4.py"),
    output:
        table("<results>/figures/figure4"),
        table("<results>/offmanifold/slopes", "slopes"),
        table("<results>/offmanifold/agreement", "agreement"),
    log:
        "<logs>/figure4_table.log",
    benchmark:
        "<benchmarks>/figure4_table.tsv"
    resources:
        **LIGHT,
    params:
        cfg=section("offmanifold", "figure4.Figure"),
    script:
        "../scripts/figure4.py"


rule offmanifold:
    input:
        [drawn(TIER, path) for path in FIGURES if FIGURES[path].rules == "offmanifold.smk"],
        [
            f"results/{TIER}/offmanifold/{table}.csv"
            for table in ("agreement", "slopes", "exponents", "signal_exponents", "attraction")
        ],
    localrule: True
