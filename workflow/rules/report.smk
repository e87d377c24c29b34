# What `snakemake --report` shows: the figures, the claims and the costs of one tier.


report: "../report/workflow.rst"


config["parameters"] = CONFIGS[TIER]  # where the captions find what they print


rule costs_page:
    input:
        figures=[f"results/{{tier}}/figures/{figure}.png" for figure in BY_DEFAULT],
        code=library("costs_page.py"),
    output:
        html="<results>/costs.html",
    log:
        "<logs>/costs_page.log",
    benchmark:
        "<benchmarks>/costs_page.tsv"
    group:
        "figures"
    resources:
        **LIGHT,
    script:
        "../scripts/costs_page.py"


rule report_contents:
    input:
        [
            report(
                f"results/{TIER}/figures/{path}.png",
                caption=f"../{figure.caption}",
                category="Figures",
                labels={"figure": figure.name.removeprefix("figure"), "shows": figure.shows},
            )
            for path, figure in BY_DEFAULT.items()
        ],
        report(
            f"results/{TIER}/claims/report.html",
            caption="../report/claims.rst",
            category="Claims",
            labels={"table": "every claim, measured and judged"},
        ),
        report(
            f"results/{TIER}/costs.html",
            caption="../report/costs.rst",
            category="Costs",
            labels={"table": "time and memory of each figure"},
        ),
    localrule: True
