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


onstart:
    # Every time that Snakemake 9.27's limit of jobs per second has looked for jobs to start, it asks to look
    # again a second later. After 100 jobs that is 100 looks a second, a processor's work. Local
    # jobs need no limit: without it Snakemake looks when a job has ended.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None
        forkserver.start(sum(1 for _ in workflow.dag.needrun_jobs()))


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
