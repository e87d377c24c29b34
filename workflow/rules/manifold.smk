# On the permutation-symmetric manifold: the scalar reduction and the full network beside it.


rule reduction_reduced:
    input:
        code=library("reduction_reduced.py"),
    output:
        data="<results>/reduction/reduced.nc",
    log:
        "<logs>/reduction_reduced.log",
    benchmark:
        "<benchmarks>/reduction_reduced.tsv"
    resources:
        **LIGHT,
    params:
        cfg=section("reduction", "reduction.Reduced"),
    script:
        "../scripts/reduction_reduced.py"


rule reduction_network:
    input:
        code=library("reduction_network.py"),
    output:
        data="<results>/reduction/network.nc",
    log:
        "<logs>/reduction_network.log",
    benchmark:
        "<benchmarks>/reduction_network.tsv"
    resources:
        **TRAIN,
    params:
        cfg=section("reduction", "reduction_network.Network"),
        device=device,
    script:
        "../scripts/reduction_network.py"


rule reduction_minibatch:
    input:
        code=library("reduction_minibatch.py"),
    output:
        data="<results>/reduction/minibatch.nc",
    log:
        "<logs>/reduction_minibatch.log",
    benchmark:
        "<benchmarks>/reduction_minibatch.tsv"
    priority: 10  # one of the longest jobs
    resources:
        **TRAIN,
    params:
        cfg=section("reduction", "reduction_minibatch.Minibatch"),
        device=device,
    script:
        "../scripts/reduction_minibatch.py"


rule critical_depth_balanced:
    input:
        classes=rules.classify.output.table,
        code=library("critical_depth_balanced.py"),
    output:
        table("<results>/critical_depth/balanced"),
    log:
        "<logs>/critical_depth_balanced.log",
    benchmark:
        "<benchmarks>/critical_depth_balanced.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("critical_depth", "critical_depth.Balanced"),
    script:
        "../scripts/critical_depth_balanced.py"


rule critical_depth_bottleneck:
    input:
        classes=rules.classify.output.table,
        code=library("critical_depth_bottleneck.py"),
    output:
        table("<results>/critical_depth/bottleneck"),
    log:
        "<logs>/critical_depth_bottleneck.log",
    benchmark:
        "<benchmarks>/critical_depth_bottleneck.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("critical_depth", "critical_depth.Bottleneck"),
    script:
        "../scripts/critical_depth_bottleneck.py"


rule universality_closed_form:
    input:
        classes=rules.classify.output.table,
        code=library("universality_closed_form.py"),
    output:
        table("<results>/universality/closed_form"),
    log:
        "<logs>/universality_closed_form.log",
    benchmark:
        "<benchmarks>/universality_closed_form.tsv"
    resources:
        **LIGHT,
    params:
        cfg=section("universality", "universality.ClosedForm"),
    script:
        "../scripts/universality_closed_form.py"


rule universality_reduced:
    input:
        code=library("universality_reduced.py"),
    output:
        table("<results>/universality/reduced_{activation}"),
    log:
        "<logs>/universality_reduced/{activation}.log",
    benchmark:
        "<benchmarks>/universality_reduced/{activation}.tsv"
    resources:
        **SOLVE,
    params:
        cfg=section("universality", "universality.Reduced", epsilon="{activation}"),
    script:
        "../scripts/universality_reduced.py"


rule universality_network:
    input:
        code=library("universality_network.py"),
    output:
        table("<results>/universality/network_{activation}"),
    log:
        "<logs>/universality_network/{activation}.log",
    benchmark:
        "<benchmarks>/universality_network/{activation}.tsv"
    resources:
        **TRAIN,
    params:
        cfg=section("universality", "universality_network.Network", epsilon="{activation}"),
        device=device,
    script:
        "../scripts/universality_network.py"


rule universality_minibatch:
    input:
        code=library("universality_minibatch.py"),
    output:
        table("<results>/universality/minibatch_{activation}"),
    log:
        "<logs>/universality_minibatch/{activation}.log",
    benchmark:
        "<benchmarks>/universality_minibatch/{activation}.tsv"
    resources:
        **TRAIN,
    params:
        cfg=section("universality", "universality_minibatch.Minibatch", epsilon="{activation}"),
        device=device,
    script:
        "../scripts/universality_minibatch.py"
