# First stage: which universality class each activation belongs to, and its rate constant.


rule classify:
    input:
        code=library("classes.py"),
    output:
        table="results/{tier}/classes.csv",
        manifest="results/{tier}/classes.manifest.json",
    log:
        "logs/{tier}/classes.log",
    benchmark:
        "results/{tier}/benchmarks/classes.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        cfg=section("classes", "activations", "depth", "width"),
    script:
        "../scripts/classes.py"
