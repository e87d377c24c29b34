"""One route of figure 4, one r, one block of seeds."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.settings import load
    from saddle_escape.studies import offmanifold
    from saddle_escape.training.network import resolve_device

    cfg, wildcards = snakemake.params.cfg, snakemake.wildcards
    device = resolve_device(snakemake.params.device)
    settings = load(offmanifold.ROUTES[wildcards.route], cfg)
    table = offmanifold.points(settings, int(wildcards.r), int(wildcards.block), device)
    dtype = cfg["flow"]["dtype"] if wildcards.route == "flow" else "float32"
    save(table, snakemake.output.table, device=str(device), dtype=dtype)
