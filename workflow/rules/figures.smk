# What each figure draws, the drawing, and for the default tier its place in figures/.


def figure2_tables(wildcards):
    """Tables of panels (a) and (b): one per depth, one per number of small layers."""
    cfg = CONFIGS[wildcards.tier]["critical_depth"]
    return expand(
        rules.critical_depth_balanced.output.table,
        depth=cfg["balanced"]["depths"],
        allow_missing=True,
    ) + expand(
        rules.critical_depth_bottleneck.output.table, r=cfg["bottleneck"]["r"], allow_missing=True
    )


def figure3_tables(wildcards):
    """Tables of the three routes: closed form, then reduction and network per activation."""
    activations = CONFIGS[wildcards.tier]["universality"]["epsilon"]
    return [rules.universality_closed_form.output.table] + expand(
        [rules.universality_reduced.output.table, rules.universality_network.output.table],
        activation=activations,
        allow_missing=True,
    )


rule figure1_table:
    input:
        reduced=rules.reduction_reduced.output.data,
        population="results/{tier}/reduction/network_population.nc",
        gaussian="results/{tier}/reduction/network_gaussian.nc",
        code=library("figure1.py"),
    output:
        table="results/{tier}/figures/figure1.csv",
        manifest="results/{tier}/figures/figure1.manifest.json",
    log:
        "logs/{tier}/figures/figure1_table.log",
    benchmark:
        "results/{tier}/benchmarks/figures/figure1_table.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    script:
        "../scripts/figure1.py"


rule figure2_table:
    input:
        tables=figure2_tables,
        code=library("concatenate.py"),
    output:
        table="results/{tier}/figures/figure2.csv",
        manifest="results/{tier}/figures/figure2.manifest.json",
    log:
        "logs/{tier}/figures/figure2_table.log",
    benchmark:
        "results/{tier}/benchmarks/figures/figure2_table.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    script:
        "../scripts/concatenate.py"


rule figure3_table:
    input:
        tables=figure3_tables,
        code=library("concatenate.py"),
    output:
        table="results/{tier}/figures/figure3.csv",
        manifest="results/{tier}/figures/figure3.manifest.json",
    log:
        "logs/{tier}/figures/figure3_table.log",
    benchmark:
        "results/{tier}/benchmarks/figures/figure3_table.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    script:
        "../scripts/concatenate.py"


rule draw:
    input:
        table="results/{tier}/figures/{figure}.csv",
        code=library("draw.py"),
    output:
        pdf="results/{tier}/figures/{figure}.pdf",
        png="results/{tier}/figures/{figure}.png",
    log:
        "logs/{tier}/figures/draw_{figure}.log",
    benchmark:
        "results/{tier}/benchmarks/figures/draw_{figure}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    script:
        "../scripts/draw.py"


rule publish:
    input:
        multiext("results/default/figures/{figure}", ".pdf", ".png", ".csv"),
    output:
        multiext("figures/{figure}", ".pdf", ".png", ".csv"),
    log:
        "logs/default/figures/publish_{figure}.log",
    benchmark:
        "results/default/benchmarks/figures/publish_{figure}.tsv"
    threads: 1
    resources:
        mem_mb=100,
        runtime=1,
    shell:
        "cp {input} figures/ 2> {log}"
