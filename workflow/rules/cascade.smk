# Figure 5: the three-mode cascade in block variables, its homotopy, the full network beside it,
# and what the paper says about off-block stability and closure.


rule cascade_identity:
    input:
        code=library("cascade_identity.py"),
    output:
        table("<results>/cascade/identity", "quantities"),
        table("<results>/cascade/sensitivity", "sensitivities"),
    log:
        "<logs>/cascade_identity.log",
    benchmark:
        "<benchmarks>/cascade_identity.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("cascade", "cascade.Identity"),
    script:
        "../scripts/cascade_identity.py"


rule cascade_trajectory:
    input:
        code=library("cascade_trajectory.py"),
    output:
        table("<results>/cascade/drops", "drops"),
        data="<results>/cascade/trajectory.nc",
    log:
        "<logs>/cascade_trajectory.log",
    benchmark:
        "<benchmarks>/cascade_trajectory.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("cascade", "cascade.Trajectory"),
    script:
        "../scripts/cascade_trajectory.py"


rule cascade_draws:
    input:
        code=library("cascade_draws.py"),
    output:
        table("<results>/cascade/draws"),
    log:
        "<logs>/cascade_draws.log",
    benchmark:
        "<benchmarks>/cascade_draws.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("cascade", "cascade.Draws"),
    script:
        "../scripts/cascade_draws.py"


rule cascade_network:
    input:
        code=library("cascade_network.py"),
    output:
        table("<results>/cascade/network"),
    log:
        "<logs>/cascade_network.log",
    benchmark:
        "<benchmarks>/cascade_network.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("cascade", "cascade_network.Network"),
    script:
        "../scripts/cascade_network.py"


rule cascade_stability:
    input:
        data=rules.cascade_trajectory.output.data,
        code=library("cascade_stability.py"),
    output:
        table("<results>/cascade/stability"),
    log:
        "<logs>/cascade_stability.log",
    benchmark:
        "<benchmarks>/cascade_stability.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("cascade", "stability.Stability"),
    script:
        "../scripts/cascade_stability.py"


rule cascade_closure:
    input:
        code=library("cascade_closure.py"),
    output:
        table("<results>/cascade/closure", "certificates"),
        table("<results>/cascade/hierarchy", "hierarchy"),
    log:
        "<logs>/cascade_closure.log",
    benchmark:
        "<benchmarks>/cascade_closure.tsv"
    resources:
        **LIGHT,
    params:
        cfg=section("cascade", "closure.Closure"),
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
        table("<results>/figures/figure5"),
    log:
        "<logs>/figure5_table.log",
    benchmark:
        "<benchmarks>/figure5_table.tsv"
    resources:
        **LIGHT,
    params:
        cfg=section("cascade", "cascade.Figure"),
    script:
        "../scripts/figure5.py"
