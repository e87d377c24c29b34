# The drawing of each figure from its table, and for the default tier its place in figures/.


rule draw:
    input:
        table="<results>/figures/{figure}.csv",
        code=lambda wildcards: modules("draw.py", FIGURES[wildcards.figure].drawing),
    output:
        pdf="<results>/figures/{figure}.pdf",
        png="<results>/figures/{figure}.png",
    log:
        "<logs>/draw/{figure}.log",
    benchmark:
        "<benchmarks>/draw/{figure}.tsv"
    group:
        "figures"
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
    group:
        "figures"
    resources:
        **LIGHT,
    shell:
        "cp {input} $(dirname {output[0]}) 2> {log}"
