"""What a run read and left, as a Workflow Run RO-Crate: ``python -m saddle_escape.artifact.crate``.

Writes ``ro-crate-metadata.json`` for the results of a tier, by RO-Crate 1.1 and the Workflow Run
Crate profile 0.5. It lies at the top of the repository, because the Snakefile, the inputs and the
results that it describes must be below it: the folder as it is can be archived. One action is the
whole run; each job that left a manifest has its own, with parameters, libraries and cost. Nothing
is computed, and no network is asked.
"""

import argparse
import json
import sys
from collections import defaultdict
from datetime import UTC, datetime
from importlib import metadata
from itertools import chain
from pathlib import Path

import yaml

from .. import config, results
from ..results import sha256_of
from ..verify import DATA
from .catalogue import BY_DEFAULT

NAME = "ro-crate-metadata.json"
VERSION = "1.1"  # of RO-Crate, which the profiles below extend
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
CITATION, SNAKEFILE, LIBRARY = Path("CITATION.cff"), Path("Snakefile"), "#saddle-escape"
INPUTS = (
    "config/*.yaml",
    "workflow/schemas/*.yaml",
    "paper_check/claims.yaml",
    "paper_check/published_points.csv",
    "requirements.txt",
    "constraints.txt",
)
FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".txt": "text/plain",
    ".nc": "application/x-netcdf",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".tsv": "text/tab-separated-values",
    ".html": "text/html",
    ".md": "text/markdown",
}
COMPLETE = (*(f"figures/{path}.csv" for path in BY_DEFAULT), "claims/report.csv")
COST = "gradient_evaluations"  # the time of a job is in its benchmark
REBUILD = "run `make figures` first"


def manifests(folder):
    """{path of a result: its manifest} of everything below a tier's folder that has one."""
    data = (path for path in sorted(folder.rglob("*")) if path.suffix in DATA)
    made = {path: results.load_manifest(path) for path in data}
    return {path: manifest for path, manifest in made.items() if manifest}


def jobs(made):
    """[(paths, manifest)] of the jobs that left results: those of one folder and parameters."""
    groups = defaultdict(list)
    for path, manifest in made.items():
        groups[path.parent, json.dumps(manifest["parameters"], sort_keys=True)].append(path)
    return [(paths, made[paths[0]]) for paths in groups.values()]


def build(root, tier):
    """The crate of a tier's results below the repository ``root``: a rocrate.ROCrate.

    Raises FileNotFoundError, one line, where the tier has no result.
    """
    from rocrate.rocrate import ROCrate  # here: it belongs to the development requirements

    root = Path(root)
    folder = root / "results" / tier
    made = manifests(folder)
    if not made:
        raise FileNotFoundError(f"results/{tier}: no result with a manifest; {REBUILD}")
    crate = ROCrate(version=VERSION)
    crate.metadata.extra_contexts.append(CONTEXT)
    inputs = [_file(crate, root, path) for pattern in INPUTS for path in _files(root, pattern)]
    outputs = {
        p: _file(crate, root, p) for p in _files(folder, "**/*") if "benchmarks" not in p.parts
    }
    _describe(crate, root, tier, outputs)
    run = _run(crate, folder, _workflow(crate, root), inputs, outputs)
    _traces(crate, root, folder, run)
    libraries = [_job(crate, root, *job, outputs) for job in jobs(made)]
    crate.get(LIBRARY)["softwareRequirements"] = _unique(chain.from_iterable(libraries))
    return crate


def _files(folder, pattern):
    return sorted(path for path in folder.glob(pattern) if path.is_file())


def _file(crate, root, path):
    """The data entity of a file: checksum, size and format."""
    facts = {"sha256": sha256_of(path), "contentSize": str(path.stat().st_size)}
    if path.suffix in FORMATS:
        facts["encodingFormat"] = FORMATS[path.suffix]
    name = path.relative_to(root).as_posix()
    return crate.add_file(path, name, properties={"name": name, **facts})


def _entity(crate, identifier, kind, **facts):
    """A contextual entity, made once."""
    from rocrate.model.contextentity import ContextEntity

    properties = {"@type": kind, **facts}
    return crate.get(identifier) or crate.add(ContextEntity(crate, identifier, properties))


def _describe(crate, root, tier, outputs):
    """The root: CITATION.cff's title, authors and licence, the profiles, the results' date."""
    citation = yaml.safe_load((root / CITATION).read_text(encoding="utf-8"))
    article, licence = citation["references"][0], f"https://spdx.org/licenses/{citation['license']}"
    crate.name = f"{citation['title']}: results of the {tier} tier"
    crate.description = citation["abstract"]
    crate.license = _entity(crate, licence, "CreativeWork", name=citation["license"])
    crate.creator = [_entity(crate, f"#{author['name'].replace(' ', '-')}", "Organization",
                             name=author["name"]) for author in citation["authors"]]  # fmt: skip
    crate.root_dataset["citation"] = _entity(
        crate, article["url"], "ScholarlyArticle", name=article["title"]
    )
    crate.datePublished = _ended(outputs)
    profiles = [
        _entity(crate, url, "CreativeWork", name=name, version=url.rpartition("/")[2])
        for url, name in PROFILES.items()
    ]
    crate.root_dataset["conformsTo"] = profiles
    _entity(
        crate, LIBRARY, "SoftwareApplication", name=citation["title"], version=citation["version"]
    )


def _ended(paths):
    """When the last of the files was written, in ISO 8601."""
    return _time(max(path.stat().st_mtime for path in paths))


def _time(seconds):
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def _workflow(crate, root):
    workflow = crate.add_workflow(
        root / SNAKEFILE,
        SNAKEFILE.name,
        main=True,
        lang="snakemake",
        lang_version=metadata.version("snakemake"),
        properties={"sha256": sha256_of(root / SNAKEFILE)},
    )
    workflow["name"] = "The Snakemake workflow that computes figures and claims"
    workflow["version"] = crate.get(LIBRARY)["version"]
    workflow["creator"] = crate.creator
    workflow["license"] = crate.license
    return workflow


def _run(crate, folder, workflow, inputs, outputs):
    """The action that is the whole run."""
    tier = folder.name
    run = _entity(
        crate,
        f"#run-{tier}",
        "CreateAction",
        name=f"Run of the {tier} tier",
        description=f"snakemake --cores all --config tier={tier}",
        endTime=_ended(outputs),
    )
    chosen = _entity(crate, "#tier", "PropertyValue", name="tier", value=tier)
    run["instrument"] = workflow
    run["object"] = [*inputs, chosen]
    run["result"] = list(outputs.values())
    _status(run, {path.relative_to(folder).as_posix() for path in outputs})
    crate.root_dataset["mentions"] = [run]
    return run


def _status(run, left):
    """State whether the run is complete, and what it has not left if it is not."""
    missing = [name for name in COMPLETE if name not in left]
    run["actionStatus"] = f"http://schema.org/{'Failed' if missing else 'Completed'}ActionStatus"
    if missing:
        run["error"] = f"not finished: no {', '.join(missing)}"


def _traces(crate, root, folder, run):
    """Snakemake's benchmark of every job, which is no result but says what it took."""
    for path in _files(folder, "benchmarks/**/*.tsv"):
        _file(crate, root, path)["about"] = run


def _job(crate, root, paths, manifest, outputs):
    """The action of one job. Returns the libraries that it used."""
    name = paths[0].relative_to(root / "results").as_posix()
    action = _entity(
        crate,
        f"#job-{name}",
        "CreateAction",
        name=f"Job that left {name}",
        description=f"{manifest['dtype']} on {manifest['device']}, {manifest['threads']} threads, "
        f"code {manifest['code_version']}",
        endTime=_ended(paths),
    )
    action["instrument"] = crate.get(LIBRARY)
    action["object"] = _value(crate, name, "parameters", json.dumps(manifest["parameters"]))
    action["result"] = [entity for path in paths for entity in _left(path, outputs)]
    action["resourceUsage"] = _value(crate, name, COST, str(manifest[COST]))
    crate.root_dataset.append_to("mentions", action)
    return [_library(crate, *stated) for stated in manifest["libraries"].items()]


def _left(path, outputs):
    """The entities of a result and, where it has its manifest beside it, of this."""
    return [outputs[p] for p in (path, results.manifest_path(path)) if p in outputs]


def _value(crate, job, name, value):
    return _entity(crate, f"#{job}-{name}", "PropertyValue", name=name, value=value)


def _library(crate, name, version):
    return _entity(
        crate,
        f"https://pypi.org/project/{name}/{version.partition('+')[0]}/",
        "SoftwareApplication",
        name=name,
        version=version,
    )


def _unique(entities):
    return list({entity.id: entity for entity in entities}.values())


def main():
    """Write the crate's metadata of the tier that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("tier", choices=config.tiers())
    tier = parser.parse_args().tier
    try:
        crate = build(".", tier)
    except (OSError, ValueError) as error:
        sys.exit(f"crate: {error}")
    crate.metadata.write(".")
    files = len(crate.root_dataset["hasPart"])
    print(f"{NAME}: {files} files of the {tier} tier, each with its sha256")


if __name__ == "__main__":
    main()
