# Figure 5: the cascade of three modes and one output, its escape times, the homotopy by channel, and
# the network's training.


rule cascade_times:
    input:
        code=library("cascade_times.py"),
    output:
        table("<results>/cascade/times"),
    log:
        "<logs>/cascade_times.log",
    benchmark:
        "<benchmarks>/cascade_times.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("cascade", "cascade.Times"),
    script:
        "../scripts/cascade_times.py"


rule cascade_identity:
    input:
        code=library("cascade_identity.py"),
    output:
        table("<results>/cascade/identity", "rules"),
        table("<results>/cascade/sensitivity", "sensitivities"),
    log:
        "<logs>/cascade_identity.log",
    benchmark:
        "<benchmarks>/cascade_identity.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("cascade", "cascade.Homotopy"),
    script:
        "../scripts/cascade_identity.py"


rule cascade_flow:
    input:
        code=library("cascade_flow.py"),
    output:
        data="<results>/cascade/flow.nc",
    log:
        "<logs>/cascade_flow.log",
    benchmark:
        "<benchmarks>/cascade_flow.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("cascade", "cascade.Flow"),
    script:
        "../scripts/cascade_flow.py"


rule cascade_training:
    input:
        code=library("cascade_training.py"),
    output:
        table("<results>/cascade/trained"),
        data="<results>/cascade/training.nc",
    log:
        "<logs>/cascade_training.log",
    benchmark:
        "<benchmarks>/cascade_training.tsv"
    priority: 10  # one of the longest jobs
    resources:
        **TRAIN,
    params:
        cfg=section("cascade", "cascade_training.Training"),
    script:
        "../scripts/cascade_training.py"


rule figure5_table:
    input:
        times=rules.cascade_times.output.table,
        rules=rules.cascade_identity.output.rules,
        sensitivities=rules.cascade_identity.output.sensitivities,
        flow=rules.cascade_flow.output.data,
        trained=rules.cascade_training.output.table,
        training=rules.cascade_training.output.data,
        code=library("figure5.py"),
    output:
        table("<results>/figures/figure5"),
    log:
        "<logs>/figure5_table.log",
    benchmark:
        "<benchmarks>/figure5_table.tsv"
    resources:
        **LIGHT,
    script:
        "../scripts/figure5.py"
