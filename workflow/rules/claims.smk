# The paper's claims: measure each one and its controls, judge them, write the report and the errata.

from saddle_escape.claims import ClaimsError, errata as errata_library, statements as claims_library

try:
    CLAIMS = claims_library.load_claims("paper_check/claims.yaml")
    ERRATA_CLAIMS = errata_library.checking_claims(
        errata_library.load_errata("paper_check/errata.yaml"), CLAIMS
    )
    SPECIFICATIONS = {
        (claim, tier): claims_library.specification(stated, tier, sections)
        for claim, stated in CLAIMS.items()
        for tier, sections in CONFIGS.items()
    }
except ClaimsError as error:
    sys.exit(f"Claims error: {error}")
JOBS = claims_library.jobs(CLAIMS)  # {job: the claims that it measures}
COLLECTIONS = {"offmanifold/points": point_tables}  # inputs whose number depends on the tier


def claim_inputs(claim):
    """Function for `input:`, the results that a claim reads, by the name its measurement gives them."""

    def path(result, wildcards):
        if result in COLLECTIONS:
            return COLLECTIONS[result](wildcards)
        if result.startswith("paper_check/"):
            return result
        return f"results/{wildcards.tier}/{result}"

    stated = claims_library.inputs(CLAIMS[claim])
    return lambda wildcards: {name: path(result, wildcards) for name, result in stated.items()}


def claim_code(claim):
    """Function for `input:`, the modules that a claim's measurement uses, not those of others."""
    name = claims_library.module_name(CLAIMS[claim])
    return lambda wildcards: modules(
        "claims_measure.py", name.partition(".")[2].replace(".", "/") + ".py"
    )


def claim_tables(suffix, claims=CLAIMS):
    """Results of claims of a tier, in the report's order."""
    return [f"results/{{tier}}/claims/{claim}{suffix}" for claim in claims]


REPORT = ("report.md", "report.html", "report.csv", "errata.md")


def reported(tier):
    """Files of the report; only the default tier's go to paper_check/."""
    folder = "paper_check" if tier == "default" else f"results/{tier}/claims"
    return [f"{folder}/{name}" for name in REPORT]


for job, measured in JOBS.items():

    rule:
        name:
            f"measure_{job}"
        input:
            unpack(claim_inputs(measured[0])),
            code=claim_code(measured[0]),
        output:
            tables=claim_tables(".csv", measured),
            manifests=claim_tables(".manifest.json", measured),
            points=claim_tables("_points.csv", measured),
            points_manifests=claim_tables("_points.manifest.json", measured),
        log:
            f"<logs>/measure_{job}.log",
        benchmark:
            f"<benchmarks>/measure_{job}.tsv"
        group:
            "claims"
        resources:
            **SOLVE,
        params:
            stated=lambda wildcards, measured=measured: [
                SPECIFICATIONS[claim, wildcards.tier] for claim in measured
            ],
        script:
            "../scripts/claims_measure.py"


rule claims_report:
    input:
        claims="paper_check/claims.yaml",
        tables=claim_tables(".csv"),
        manifests=claim_tables(".manifest.json"),
        points=claim_tables("_points.csv"),
        code=library("claims_report.py"),
    output:
        table("<results>/claims/report", "csv"),
        md="<results>/claims/report.md",
        html="<results>/claims/report.html",
    log:
        "<logs>/claims_report.log",
    benchmark:
        "<benchmarks>/claims_report.tsv"
    group:
        "report"
    resources:
        **LIGHT,
    script:
        "../scripts/claims_report.py"


rule claims_errata:
    input:
        errata="paper_check/errata.yaml",
        claims="paper_check/claims.yaml",
        tables=claim_tables(".csv", ERRATA_CLAIMS),
        manifests=claim_tables(".manifest.json", ERRATA_CLAIMS),
        code=library("claims_errata.py"),
    output:
        md="<results>/claims/errata.md",
    log:
        "<logs>/claims_errata.log",
    benchmark:
        "<benchmarks>/claims_errata.tsv"
    group:
        "report"
    resources:
        **LIGHT,
    params:
        names=ERRATA_CLAIMS,
    script:
        "../scripts/claims_errata.py"


rule publish_claims:
    input:
        [f"results/default/claims/{name}" for name in REPORT],
    output:
        [f"paper_check/{name}" for name in REPORT],
    log:
        "logs/default/publish_claims.log",
    benchmark:
        "results/default/benchmarks/publish_claims.tsv"
    group:
        "report"
    resources:
        **LIGHT,
    shell:
        "cp {input} paper_check/ 2> {log}"


rule claims:
    input:
        reported(TIER),
        tables=[f"results/{TIER}/claims/{claim}.csv" for claim in CLAIMS],
        repaired=repaired,
    localrule: True
    params:
        stated=lambda wildcards: list(CLAIMS.values()),  # read and validated already
        tier=TIER,
    script:
        "../scripts/claims_verdicts.py"


for claim in CLAIMS:

    rule:
        name:
            f"claim_{claim}"
        input:
            tables=[f"results/{TIER}/claims/{claim}.csv"],
            repaired=repaired,
        localrule: True
        params:
            stated=lambda wildcards, claim=claim: [CLAIMS[claim]],
            tier=TIER,
        script:
            "../scripts/claims_verdicts.py"
