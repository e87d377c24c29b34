"""A Theory of Saddle Escape in Deep Nonlinear Networks: every figure and claim from raw simulation.

`snakemake --cores all` computes the default tier; `--config tier=smoke` another one. All
parameters are in config/, all mathematics in workflow/saddle_escape/.
"""

from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/common.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/verify.smk"


rule all:
    default_target: True
    input:
        [drawn(TIER, path) for path in BY_DEFAULT],
        reported(TIER),
        repaired,
    localrule: True


rule supplement:
    input:
        [drawn(TIER, path) for path in ON_DEMAND],
        repaired,
    localrule: True


rule classes:
    input:
        f"results/{TIER}/classes.csv",
    localrule: True


for path, figure in FIGURES.items():

    rule:
        name:
            figure.name
        input:
            drawn(TIER, path),
            repaired,
        localrule: True


rule smoke:
    input:
        [drawn("smoke", path) for path in BY_DEFAULT],
        reported("smoke"),
    localrule: True
