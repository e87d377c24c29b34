# Companion of figure 5: the cascade with one output per mode in block variables, its homotopy, the
# full network beside it, off-block stability and closure.


rule companion_identity:
    input:
        code=library("companion_identity.py"),
    output:
        table("<results>/companion/identity", "quantities"),
        table("<results>/companion/sensitivity", "sensitivities"),
    log:
        "<logs>/companion_identity.log",
    benchmark:
        "<benchmarks>/companion_identity.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("companion", "companion.Identity"),
    script:
        "../scripts/companion_identity.py"


rule companion_trajectory:
    input:
        code=library("companion_trajectory.py"),
    output:
        table("<results>/companion/drops", "drops"),
        data="<results>/companion/trajectory.nc",
    log:
        "<logs>/companion_trajectory.log",
    benchmark:
        "<benchmarks>/companion_trajectory.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("companion", "companion.Trajectory"),
    script:
        "../scripts/companion_trajectory.py"


rule companion_draws:
    input:
        code=library("companion_draws.py"),
    output:
        table("<results>/companion/draws"),
    log:
        "<logs>/companion_draws.log",
    benchmark:
        "<benchmarks>/companion_draws.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("companion", "companion.Draws"),
    script:
        "../scripts/companion_draws.py"


rule companion_network:
    input:
        code=library("companion_network.py"),
    output:
        table("<results>/companion/network"),
    log:
        "<logs>/companion_network.log",
    benchmark:
        "<benchmarks>/companion_network.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("companion", "companion_network.Network"),
    script:
        "../scripts/companion_network.py"


rule companion_stability:
    input:
        data=rules.companion_trajectory.output.data,
        code=library("companion_stability.py"),
    output:
        table("<results>/companion/stability"),
    log:
        "<logs>/companion_stability.log",
    benchmark:
        "<benchmarks>/companion_stability.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("companion", "stability.Stability"),
    script:
        "../scripts/companion_stability.py"


rule companion_closure:
    input:
        code=library("companion_closure.py"),
    output:
        table("<results>/companion/closure", "certificates"),
        table("<results>/companion/hierarchy", "hierarchy"),
    log:
        "<logs>/companion_closure.log",
    benchmark:
        "<benchmarks>/companion_closure.tsv"
    resources:
        **LIGHT,
    params:
        cfg=section("companion", "closure.Closure"),
    script:
        "../scripts/companion_closure.py"


rule companion_table:
    input:
        quantities=rules.companion_identity.output.quantities,
        sensitivities=rules.companion_identity.output.sensitivities,
        data=rules.companion_trajectory.output.data,
        drops=rules.companion_trajectory.output.drops,
        code=library("companion.py"),
    output:
        table("<results>/figures/supplement/companion"),
    log:
        "<logs>/companion_table.log",
    benchmark:
        "<benchmarks>/companion_table.tsv"
    resources:
        **LIGHT,
    script:
        "../scripts/companion.py"
