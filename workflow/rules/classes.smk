# First stage: which universality class each activation belongs to, and its rate constant.


rule classify:
    input:
        code=library("classes.py"),
    output:
        table("<results>/classes"),
    log:
        "<logs>/classify.log",
    benchmark:
        "<benchmarks>/classify.tsv"
    resources:
        **LIGHT,
    params:
        cfg=section("classes", "classes.Classes"),
    script:
        "../scripts/classes.py"
