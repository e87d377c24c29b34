"""One route of figure 4, one r, one block of seeds."""

from _shell import job

with job(snakemake) as save:
    from saddle_escape.studies import offmanifold
    from saddle_escape.training.network import resolve_device

    cfg, wildcards = snakemake.params.cfg, snakemake.wildcards
    device = resolve_device(snakemake.params.device)
    r, block = int(wildcards.r), int(wildcards.block)
    table = offmanifold.points(cfg, wildcards.route, r, block, device)
    dtype = cfg["flow"]["dtype"] if wildcards.route == "flow" else "float32"
    save(table, snakemake.output.table, device=str(device), dtype=dtype)
