# What `snakemake --report` shows: the figures, the claims and the costs of one tier.

REPORTED = {  # figure: what it shows
    "figure1": "a network in L numbers (Theorem 4)",
    "figure2": "the number of small layers (Theorems 5, 6)",
    "figure3": "one curve for many activations (Corollary 7)",
    "figure4": "without symmetry (Theorem 11)",
    "figure5": "three modes, one after the other (Proposition 25)",
    "supplement/asymptotics": "exponents at small ε",
    "supplement/signal": "growth of the signal on the plateau",
    "supplement/attraction": "the manifold does not attract",
}


report: "../report/workflow.rst"


config["parameters"] = CONFIGS[TIER]  # where the captions find what they print


rule costs_page:
    input:
        figures=[f"results/{{tier}}/figures/{figure}.png" for figure in FIGURES],
        code=library("costs_page.py"),
    output:
        html="<results>/costs.html",
    log:
        "<logs>/costs_page.log",
    benchmark:
        "<benchmarks>/costs_page.tsv"
    resources:
        **LIGHT,
    script:
        "../scripts/costs_page.py"


rule report_contents:
    input:
        [
            report(
                f"results/{TIER}/figures/{figure}.png",
                caption=f"../report/{Path(figure).name}.rst",
                category="Figures",
                labels={
                    "figure": Path(figure).name.removeprefix("figure"),
                    "shows": REPORTED[figure],
                },
            )
            for figure in FIGURES
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
