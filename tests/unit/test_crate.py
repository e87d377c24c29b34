"""The Workflow Run RO-Crate of a small tree, read again: no network, no run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rocrate.rocrate import ROCrate

from saddle_escape import results
from saddle_escape.artifact import crate

ROOT = Path(__file__).parents[2]
RUN = "#run-smoke"
FILES = {"a": ".csv", "b": ".csv", "flow": ".nc"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Inputs of the project and two jobs: one left a table and a dataset, the other a table."""
    root = tmp_path_factory.mktemp("crate")
    for name in ("Snakefile", "CITATION.cff", "config/smoke.yaml", "requirements.txt"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    folder = root / "results/smoke"
    table = pd.DataFrame({"x": [1.0, 2.0]})
    for name, epsilon in (("a", 0.1), ("b", 0.2)):
        parameters = {"epsilon": epsilon, "seed": 3}
        made = results.make_manifest(parameters, gradient_evaluations=7)
        results.save_table(table, folder / f"study/{name}.csv", made)
        if name == "a":
            flow = xr.Dataset({"x": ("t", np.ones(2), {"units": "1"})})
            results.save_dataset(flow, folder / "study/flow.nc", made)
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks/study.tsv").write_text("s\n0.5\n")
    crate.build(root, "smoke").metadata.write(root)
    return root


@pytest.fixture
def described(tree):
    return ROCrate(tree)


def ids(entities):
    return {entity.id for entity in entities}


def test_every_file_is_there_with_its_checksum(tree, described):
    files = described.root_dataset["hasPart"]
    written = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}
    assert ids(files) == written - {"CITATION.cff", crate.NAME}
    for entity in files:
        assert results.sha256_of(tree / entity.id) == entity["sha256"]


def test_a_changed_file_is_noticed(tree, described, tmp_path):
    # A copy: the crate's date is that of the newest result, which other tests compare.
    table = tmp_path / "b.csv"
    table.write_bytes((tree / "results/smoke/study/b.csv").read_bytes() + b"\n")
    assert results.sha256_of(table) != described.get("results/smoke/study/b.csv")["sha256"]


def test_it_has_what_the_profiles_require(described):
    root = described.root_dataset
    assert ids(root["conformsTo"]) == set(crate.PROFILES)
    assert root["license"].id == "https://spdx.org/licenses/MIT"
    assert root["name"] and root["description"] and root["datePublished"]
    workflow = root["mainEntity"]
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow"} == set(workflow.type)
    assert workflow["programmingLanguage"].id.endswith("#snakemake")
    assert ids(root["mentions"]) == {e.id for e in described.get_by_type("CreateAction")}
    for action in root["mentions"]:
        assert action["name"] and action["instrument"] and action["result"] and action["endTime"]
        assert ids(action["result"]) <= ids(root["hasPart"])


def test_the_run_has_inputs_and_every_result(described):
    run = described.get(RUN)
    assert run["instrument"] is described.root_dataset["mainEntity"]
    assert ids(run["object"]) == {"config/smoke.yaml", "requirements.txt", "#tier"}
    names = (f"{stem}{end}" for stem, data in FILES.items() for end in (data, ".manifest.json"))
    assert ids(run["result"]) == {f"results/smoke/study/{name}" for name in names}
    assert described.get("results/smoke/benchmarks/study.tsv")["about"].id == RUN


def test_an_unfinished_run_is_said_to_be(described):
    run = described.get(RUN)
    assert run["actionStatus"] == "http://schema.org/FailedActionStatus"
    assert run["error"].startswith("not finished: no figures/figure1.csv, ")
    whole = {}
    crate._status(whole, set(crate.COMPLETE))
    assert whole == {"actionStatus": "http://schema.org/CompletedActionStatus"}


def test_results_of_one_job_share_its_action(described):
    first, second = (described.get(f"#job-smoke/study/{name}.csv") for name in "ab")
    assert {Path(name).name for name in ids(first["result"])} == {
        "a.csv",
        "a.manifest.json",
        "flow.nc",
        "flow.manifest.json",
    }
    assert json.loads(second["object"]["value"]) == {"epsilon": 0.2, "seed": 3}
    assert (first["resourceUsage"]["name"], first["resourceUsage"]["value"]) == (
        "gradient_evaluations",
        "7",
    )


def test_software_is_named_with_its_version(described):
    libraries = described.get(crate.LIBRARY)["softwareRequirements"]
    assert {entity["name"] for entity in libraries} == set(results.LIBRARIES)
    numpy = next(entity for entity in libraries if entity["name"] == "numpy")
    assert numpy["version"] == np.__version__


def test_equal_results_give_equal_metadata(tree):
    again = json.dumps(crate.build(tree, "smoke").metadata.generate(), sort_keys=True)
    assert again == json.dumps(json.loads((tree / crate.NAME).read_text()), sort_keys=True)


def test_a_tier_without_results_is_refused(tree):
    with pytest.raises(FileNotFoundError, match="results/full: no result with a manifest; run"):
        crate.build(tree, "full")
