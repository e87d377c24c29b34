# On the permutation-symmetric manifold: the scalar reduction and the full network beside it.


rule reduction_reduced:
    input:
        code=library("reduction_reduced.py"),
    output:
        data="results/{tier}/reduction/reduced.nc",
    log:
        "logs/{tier}/reduction/reduced.log",
    benchmark:
        "results/{tier}/benchmarks/reduction/reduced.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        cfg=section(
            "reduction", "activation", "depth", "width", "init", "t_end", "points", "quadrature"
        ),
    script:
        "../scripts/reduction_reduced.py"


rule reduction_network:
    input:
        code=library("reduction_network.py"),
    output:
        data="results/{tier}/reduction/network_{data}.nc",
    log:
        "logs/{tier}/reduction/network_{data}.log",
    benchmark:
        "results/{tier}/benchmarks/reduction/network_{data}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        cfg=section("reduction", "activation", "depth", "width", "init", "t_end", "network"),
        device=lambda wildcards: CONFIGS[wildcards.tier]["device"],
    script:
        "../scripts/reduction_network.py"


rule critical_depth_balanced:
    input:
        classes=rules.classify.output.table,
        code=library("critical_depth_balanced.py"),
    output:
        table="results/{tier}/critical_depth/balanced_L{depth}.csv",
        manifest="results/{tier}/critical_depth/balanced_L{depth}.manifest.json",
    log:
        "logs/{tier}/critical_depth/balanced_L{depth}.log",
    benchmark:
        "results/{tier}/benchmarks/critical_depth/balanced_L{depth}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cfg=section(
            "critical_depth",
            "activation",
            "width",
            "threshold",
            "epsilon",
            "line_points",
            "quadrature",
        ),
    script:
        "../scripts/critical_depth_balanced.py"


rule critical_depth_bottleneck:
    input:
        classes=rules.classify.output.table,
        code=library("critical_depth_bottleneck.py"),
    output:
        table="results/{tier}/critical_depth/bottleneck_r{r}.csv",
        manifest="results/{tier}/critical_depth/bottleneck_r{r}.manifest.json",
    log:
        "logs/{tier}/critical_depth/bottleneck_r{r}.log",
    benchmark:
        "results/{tier}/benchmarks/critical_depth/bottleneck_r{r}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cfg=section(
            "critical_depth",
            "activation",
            "width",
            "threshold",
            "epsilon",
            "line_points",
            "quadrature",
            "bottleneck.depth",
            "bottleneck.outer",
            "bottleneck.loss_fraction",
        ),
    script:
        "../scripts/critical_depth_bottleneck.py"


rule universality_closed_form:
    input:
        classes=rules.classify.output.table,
        code=library("universality_closed_form.py"),
    output:
        table="results/{tier}/universality/closed_form.csv",
        manifest="results/{tier}/universality/closed_form.manifest.json",
    log:
        "logs/{tier}/universality/closed_form.log",
    benchmark:
        "results/{tier}/benchmarks/universality/closed_form.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        cfg=section("universality", "depth", "width", "threshold", "epsilon", "closed_form"),
    script:
        "../scripts/universality_closed_form.py"


rule universality_reduced:
    input:
        classes=rules.classify.output.table,
        code=library("universality_reduced.py"),
    output:
        table="results/{tier}/universality/reduced_{activation}.csv",
        manifest="results/{tier}/universality/reduced_{activation}.manifest.json",
    log:
        "logs/{tier}/universality/reduced_{activation}.log",
    benchmark:
        "results/{tier}/benchmarks/universality/reduced_{activation}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cfg=section(
            "universality", "depth", "width", "threshold", "quadrature", "epsilon.{activation}"
        ),
    script:
        "../scripts/universality_reduced.py"


rule universality_network:
    input:
        classes=rules.classify.output.table,
        code=library("universality_network.py"),
    output:
        table="results/{tier}/universality/network_{activation}.csv",
        manifest="results/{tier}/universality/network_{activation}.manifest.json",
    log:
        "logs/{tier}/universality/network_{activation}.log",
    benchmark:
        "results/{tier}/benchmarks/universality/network_{activation}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        cfg=section(
            "universality",
            "depth",
            "width",
            "threshold",
            "epsilon.{activation}",
            "network",
        ),
        device=lambda wildcards: CONFIGS[wildcards.tier]["device"],
    script:
        "../scripts/universality_network.py"
