# What each figure draws, the drawing, and for the default tier its place in figures/.


def figure3_tables(wildcards):
    """Tables of the routes: closed form, then reduction and both networks per activation."""
    activations = CONFIGS[wildcards.tier]["universality"]["epsilon"]
    routes = ("reduced", "network", "minibatch")
    tables = [getattr(rules, f"universality_{route}").output.table for route in routes]
    return [rules.universality_closed_form.output.table] + expand(
        tables, activation=activations, allow_missing=True
    )


rule figure1_table:
    input:
        reduced=rules.reduction_reduced.output.data,
        network=rules.reduction_network.output.data,
        minibatch=rules.reduction_minibatch.output.data,
        code=library("figure1.py"),
    output:
        table("<results>/figures/figure1"),
    log:
        "<logs>/figure1_table.log",
    benchmark:
        "<benchmarks>/figure1_table.tsv"
    resources:
        **LIGHT,
    script:
        "../scripts/figure1.py"


rule figure2_table:
    input:
        tables=[
            rules.critical_depth_balanced.output.table,
            rules.critical_depth_bottleneck.output.table,
        ],
        code=library("concatenate.py"),
    output:
        table("<results>/figures/figure2"),
    log:
        "<logs>/figure2_table.log",
    benchmark:
        "<benchmarks>/figure2_table.tsv"
    resources:
        **LIGHT,
    script:
        "../scripts/concatenate.py"


rule figure3_table:
    input:
        tables=figure3_tables,
        classes=rules.classify.output.table,
        published="paper_check/published_points.csv",
        code=library("figure3.py"),
    output:
        table("<results>/figures/figure3"),
    log:
        "<logs>/figure3_table.log",
    benchmark:
        "<benchmarks>/figure3_table.tsv"
    resources:
        **LIGHT,
    params:
        cfg=section("universality", "universality.Figure"),
    script:
        "../scripts/figure3.py"


rule draw:
    input:
        table="<results>/figures/{figure}.csv",
        code=lambda wildcards: library("draw.py", FIGURES[wildcards.figure].drawing),
    output:
        pdf="<results>/figures/{figure}.pdf",
        png="<results>/figures/{figure}.png",
    log:
        "<logs>/draw/{figure}.log",
    benchmark:
        "<benchmarks>/draw/{figure}.tsv"
    resources:
        **LIGHT,
    script:
        "../scripts/draw.py"


rule publish:
    input:
        multiext("results/default/figures/{figure}", ".pdf", ".png", ".csv"),
    output:
        multiext("figures/{figure}", ".pdf", ".png", ".csv"),
    log:
        "logs/default/publish/{figure}.log",
    benchmark:
        "results/default/benchmarks/publish/{figure}.tsv"
    resources:
        **LIGHT,
    shell:
        "cp {input} $(dirname {output[0]}) 2> {log}"
