# Figure 4: He-normal networks off the symmetric manifold, by gradient flow and by SGD; the flow's
# asymptotics, its independence of depth, the signal's growth, and perturbations of the manifold.

POINT_KEYS = ("activation", "depth", "width", "input_dim", "loss_fraction", "seed_block", "points")
FLOW_KEYS = tuple(
    f"asymptotics.{key}" for key in ("width", "input_dim", "samples", "rtol", "seeds")
)


ruleorder: draw_figure4 > draw


wildcard_constraints:
    route="flow|sgd",
    block=r"\d+",
    panel="|".join(SUPPLEMENT),


def seed_blocks(tier, seeds):
    """Numbers of the seed blocks that hold this many seeds."""
    return range(-(-seeds // CONFIGS[tier]["offmanifold"]["seed_block"]))


def route_parameters(wildcards):
    """What one route at one r reads: its own points and seed counts, not the other route's."""
    cfg = section("offmanifold", *POINT_KEYS, "{route}")(wildcards)
    points = [p for p in cfg["points"] if p["r"] == int(wildcards.r)]
    keys = ("r", "epsilon", wildcards.route)
    return cfg | {"points": [{key: p[key] for key in keys} for p in points]}


def point_tables(wildcards):
    """Tables of every route, r and block of seeds that has a seed in this tier."""
    points = CONFIGS[wildcards.tier]["offmanifold"]["points"]
    most = {
        (route, r): max(p[route] for p in points if p["r"] == r)
        for route in ("flow", "sgd")
        for r in dict.fromkeys(p["r"] for p in points)
    }
    return [
        f"results/{wildcards.tier}/offmanifold/{route}_r{r}_b{block}.csv"
        for (route, r), seeds in most.items()
        for block in seed_blocks(wildcards.tier, seeds)
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
        for block in seed_blocks(wildcards.tier, cfg["asymptotics"]["seeds"])
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
        table="results/{tier}/offmanifold/{route}_r{r}_b{block}.csv",
        manifest="results/{tier}/offmanifold/{route}_r{r}_b{block}.manifest.json",
    log:
        "logs/{tier}/offmanifold/{route}_r{r}_b{block}.log",
    benchmark:
        "results/{tier}/benchmarks/offmanifold/{route}_r{r}_b{block}.tsv"
    priority: 10  # the longest jobs, first
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        cfg=route_parameters,
        device=lambda wildcards: CONFIGS[wildcards.tier]["device"],
    script:
        "../scripts/offmanifold_points.py"


rule offmanifold_asymptotics:
    input:
        code=library("offmanifold_asymptotics.py"),
    output:
        table="results/{tier}/offmanifold/asymptotics_L{depth}_r{r}_b{block}.csv",
        manifest="results/{tier}/offmanifold/asymptotics_L{depth}_r{r}_b{block}.manifest.json",
    log:
        "logs/{tier}/offmanifold/asymptotics_L{depth}_r{r}_b{block}.log",
    benchmark:
        "results/{tier}/benchmarks/offmanifold/asymptotics_L{depth}_r{r}_b{block}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        cfg=section(
            "offmanifold",
            "activation",
            "loss_fraction",
            "seed_block",
            *FLOW_KEYS,
            "asymptotics.epsilon",
        ),
        device=lambda wildcards: CONFIGS[wildcards.tier]["device"],
    script:
        "../scripts/offmanifold_asymptotics.py"


rule offmanifold_exponents:
    input:
        tables=asymptotic_tables,
        code=library("offmanifold_exponents.py"),
    output:
        exponents="results/{tier}/offmanifold/exponents.csv",
        exponents_manifest="results/{tier}/offmanifold/exponents.manifest.json",
        asymptotics="results/{tier}/figures/supplement/asymptotics.csv",
        asymptotics_manifest="results/{tier}/figures/supplement/asymptotics.manifest.json",
    log:
        "logs/{tier}/offmanifold/exponents.log",
    benchmark:
        "results/{tier}/benchmarks/offmanifold/exponents.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        cfg=section("offmanifold", "activation", "asymptotics.fit_points"),
    script:
        "../scripts/offmanifold_exponents.py"


rule offmanifold_signal:
    input:
        code=library("offmanifold_signal.py"),
    output:
        table="results/{tier}/offmanifold/signal_r{r}.csv",
        manifest="results/{tier}/offmanifold/signal_r{r}.manifest.json",
    log:
        "logs/{tier}/offmanifold/signal_r{r}.log",
    benchmark:
        "results/{tier}/benchmarks/offmanifold/signal_r{r}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        cfg=section(
            "offmanifold", "activation", "depth", "loss_fraction", *FLOW_KEYS, "signal.epsilon"
        ),
        device=lambda wildcards: CONFIGS[wildcards.tier]["device"],
    script:
        "../scripts/offmanifold_signal.py"


rule offmanifold_signal_table:
    input:
        tables=signal_tables,
        code=library("offmanifold_signal_table.py"),
    output:
        exponents="results/{tier}/offmanifold/signal_exponents.csv",
        exponents_manifest="results/{tier}/offmanifold/signal_exponents.manifest.json",
        steps="results/{tier}/figures/supplement/signal.csv",
        steps_manifest="results/{tier}/figures/supplement/signal.manifest.json",
    log:
        "logs/{tier}/offmanifold/signal_table.log",
    benchmark:
        "results/{tier}/benchmarks/offmanifold/signal_table.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    script:
        "../scripts/offmanifold_signal_table.py"


rule offmanifold_attraction:
    input:
        code=library("offmanifold_attraction.py"),
    output:
        steps="results/{tier}/figures/supplement/attraction.csv",
        steps_manifest="results/{tier}/figures/supplement/attraction.manifest.json",
        ends="results/{tier}/offmanifold/attraction.csv",
        ends_manifest="results/{tier}/offmanifold/attraction.manifest.json",
    log:
        "logs/{tier}/offmanifold/attraction.log",
    benchmark:
        "results/{tier}/benchmarks/offmanifold/attraction.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cfg=section("offmanifold", "activation", "loss_fraction", "attraction"),
    script:
        "../scripts/offmanifold_attraction.py"


rule figure4_table:
    input:
        tables=point_tables,
        published="paper_check/published_points.csv",
        code=library("figure4.py"),
    output:
        table="results/{tier}/figures/figure4.csv",
        manifest="results/{tier}/figures/figure4.manifest.json",
        agreement="results/{tier}/offmanifold/agreement.csv",
        agreement_manifest="results/{tier}/offmanifold/agreement.manifest.json",
    log:
        "logs/{tier}/figures/figure4_table.log",
    benchmark:
        "results/{tier}/benchmarks/figures/figure4_table.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        cfg=section("offmanifold", "points"),
    script:
        "../scripts/figure4.py"


rule draw_figure4:
    input:
        table=rules.figure4_table.output.table,
        code=library("draw_figure4.py"),
    output:
        pdf="results/{tier}/figures/figure4.pdf",
        png="results/{tier}/figures/figure4.png",
    log:
        "logs/{tier}/figures/draw_figure4.log",
    benchmark:
        "results/{tier}/benchmarks/figures/draw_figure4.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    script:
        "../scripts/draw_figure4.py"


rule draw_supplement:
    input:
        table="results/{tier}/figures/supplement/{panel}.csv",
        code=library("draw_supplement.py"),
    output:
        pdf="results/{tier}/figures/supplement/{panel}.pdf",
        png="results/{tier}/figures/supplement/{panel}.png",
    log:
        "logs/{tier}/figures/draw_{panel}.log",
    benchmark:
        "results/{tier}/benchmarks/figures/draw_{panel}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    script:
        "../scripts/draw_supplement.py"


rule publish_supplement:
    input:
        multiext("results/default/figures/supplement/{panel}", ".pdf", ".png", ".csv"),
    output:
        multiext("figures/supplement/{panel}", ".pdf", ".png", ".csv"),
    log:
        "logs/default/figures/publish_{panel}.log",
    benchmark:
        "results/default/benchmarks/figures/publish_{panel}.tsv"
    threads: 1
    resources:
        mem_mb=100,
        runtime=1,
    shell:
        "cp {input} figures/supplement/ 2> {log}"


rule offmanifold:
    input:
        drawn(TIER, "figure4"),
        [drawn(TIER, f"supplement/{panel}") for panel in SUPPLEMENT],
        [
            f"results/{TIER}/offmanifold/{table}.csv"
            for table in ("agreement", "exponents", "signal_exponents", "attraction")
        ],
    localrule: True
