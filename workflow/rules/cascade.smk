# Figure 5: the three-mode cascade in block variables, its homotopy, the full network beside it,
# and what the paper says about off-block stability and closure.

MODEL = ("activation", "amplitudes", "depth", "block_size", "quadrature", "rtol")
START = ("epsilon", "rho", "seed", "threshold")


ruleorder: draw_figure5 > draw


rule cascade_identity:
    input:
        code=library("cascade_identity.py"),
    output:
        quantities="results/{tier}/cascade/identity.csv",
        quantities_manifest="results/{tier}/cascade/identity.manifest.json",
        sensitivities="results/{tier}/cascade/sensitivity.csv",
        sensitivities_manifest="results/{tier}/cascade/sensitivity.manifest.json",
    log:
        "logs/{tier}/cascade/identity.log",
    benchmark:
        "results/{tier}/benchmarks/cascade/identity.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        cfg=section("cascade", *MODEL, *START, "nodes"),
    script:
        "../scripts/cascade_identity.py"


rule cascade_trajectory:
    input:
        code=library("cascade_trajectory.py"),
    output:
        data="results/{tier}/cascade/trajectory.nc",
        drops="results/{tier}/cascade/drops.csv",
        drops_manifest="results/{tier}/cascade/drops.manifest.json",
    log:
        "logs/{tier}/cascade/trajectory.log",
    benchmark:
        "results/{tier}/benchmarks/cascade/trajectory.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cfg=section("cascade", *MODEL, *START, "t_end", "points"),
    script:
        "../scripts/cascade_trajectory.py"


rule cascade_draws:
    input:
        code=library("cascade_draws.py"),
    output:
        table="results/{tier}/cascade/draws.csv",
        manifest="results/{tier}/cascade/draws.manifest.json",
    log:
        "logs/{tier}/cascade/draws.log",
    benchmark:
        "results/{tier}/benchmarks/cascade/draws.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cfg=section("cascade", *MODEL, *START, "draws"),
    script:
        "../scripts/cascade_draws.py"


rule cascade_network:
    input:
        code=library("cascade_network.py"),
    output:
        table="results/{tier}/cascade/network.csv",
        manifest="results/{tier}/cascade/network.manifest.json",
    log:
        "logs/{tier}/cascade/network.log",
    benchmark:
        "results/{tier}/benchmarks/cascade/network.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        cfg=section("cascade", *MODEL, *START, "network"),
    script:
        "../scripts/cascade_network.py"


rule cascade_stability:
    input:
        data=rules.cascade_trajectory.output.data,
        code=library("cascade_stability.py"),
    output:
        table="results/{tier}/cascade/stability.csv",
        manifest="results/{tier}/cascade/stability.manifest.json",
    log:
        "logs/{tier}/cascade/stability.log",
    benchmark:
        "results/{tier}/benchmarks/cascade/stability.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        cfg=section("cascade", *MODEL, *START, "ideal_times"),
    script:
        "../scripts/cascade_stability.py"


rule cascade_closure:
    input:
        code=library("cascade_closure.py"),
    output:
        certificates="results/{tier}/cascade/closure.csv",
        certificates_manifest="results/{tier}/cascade/closure.manifest.json",
        hierarchy="results/{tier}/cascade/hierarchy.csv",
        hierarchy_manifest="results/{tier}/cascade/hierarchy.manifest.json",
    log:
        "logs/{tier}/cascade/closure.log",
    benchmark:
        "results/{tier}/benchmarks/cascade/closure.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        cfg=section("cascade", "activation", "amplitudes", "closure_orders", "hierarchy_orders"),
    script:
        "../scripts/cascade_closure.py"


rule figure5_table:
    input:
        quantities=rules.cascade_identity.output.quantities,
        sensitivities=rules.cascade_identity.output.sensitivities,
        data=rules.cascade_trajectory.output.data,
        drops=rules.cascade_trajectory.output.drops,
        code=library("figure5.py"),
    output:
        table="results/{tier}/figures/figure5.csv",
        manifest="results/{tier}/figures/figure5.manifest.json",
    log:
        "logs/{tier}/figures/figure5_table.log",
    benchmark:
        "results/{tier}/benchmarks/figures/figure5_table.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        cfg=section("cascade", "amplitudes", "threshold"),
    script:
        "../scripts/figure5.py"


rule draw_figure5:
    input:
        table=rules.figure5_table.output.table,
        code=library("draw_figure5.py"),
    output:
        pdf="results/{tier}/figures/figure5.pdf",
        png="results/{tier}/figures/figure5.png",
    log:
        "logs/{tier}/figures/draw_figure5.log",
    benchmark:
        "results/{tier}/benchmarks/figures/draw_figure5.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    script:
        "../scripts/draw_figure5.py"


rule cascade:
    input:
        [
            f"results/{TIER}/cascade/{table}.csv"
            for table in ("identity", "drops", "draws", "network", "stability", "closure")
        ],
    localrule: True
