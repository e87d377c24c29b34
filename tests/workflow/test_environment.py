"""requirements, lock, environment.yml and pyproject.toml say the same."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def read(name):
    """The requirements of a file, in order."""
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r "))]


PINS = {}
for pin in read("constraints.txt"):
    PINS.setdefault(canonicalize_name(pin.name), []).append(pin)
FILES = ("requirements.txt", "requirements-bench.txt", "requirements-dev.txt")
DIRECT = [requirement for name in FILES for requirement in read(name)]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def version_of(pin):
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return specifier.version


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_every_direct_dependency_is_pinned_within_its_range(requirement):
    for pin in PINS[canonicalize_name(requirement.name)]:
        assert version_of(pin) in requirement.specifier


def test_no_dependency_is_listed_twice():
    names = [canonicalize_name(requirement.name) for requirement in DIRECT]
    assert len(set(names)) == len(names)


def test_lock_holds_pins_and_nothing_else():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[a-z0-9.-]+==[^ /]+( ; [^/]+)?", line)


def test_what_is_installed_is_what_is_pinned():
    for name, pins in PINS.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        wanted = [version_of(p) for p in pins if p.marker is None or p.marker.evaluate()]
        assert installed.partition("+")[0] in wanted, name


def needs(requirement):
    """Requirements of an installed package here, those of the extras asked for included."""
    for text in metadata.requires(requirement.name) or []:
        need = Requirement(text)
        extras = requirement.extras or {""}
        if need.marker is None or any(need.marker.evaluate({"extra": e}) for e in extras):
            yield need


def test_what_the_pinned_packages_need_is_pinned():
    """So that `pip install --no-deps -r constraints.txt` would be a whole environment."""
    waiting, seen = list(DIRECT), set()
    while waiting:
        requirement = waiting.pop()
        (version,) = (
            version_of(pin)
            for pin in PINS[canonicalize_name(requirement.name)]
            if pin.marker is None or pin.marker.evaluate()
        )
        assert version in requirement.specifier, requirement
        if (key := (requirement.name, *sorted(requirement.extras))) not in seen:
            seen.add(key)
            waiting += needs(requirement)
    assert len(seen) > len(DIRECT)


def test_installed_packages_agree():
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_everything_direct_is_installed():
    assert all(metadata.version(requirement.name) for requirement in DIRECT)


def test_every_runtime_dependency_is_used():
    modules = {"pyyaml": "yaml", "setuptools": "setuptools.build_meta", "h5py": "h5netcdf"}
    modules |= {"scikit-learn": "sklearn", "jupyterlab": "jupyter lab"}
    sources = [ROOT / "Snakefile", ROOT / "pyproject.toml", ROOT / "Makefile"]
    sources += [p for p in (ROOT / "workflow").rglob("*") if p.suffix in (".py", ".smk")]
    text = "\n".join(path.read_text() for path in sources)
    for requirement in read("requirements.txt"):
        module = modules.get(requirement.name, requirement.name)
        assert re.search(rf'(import|from|engine=|backend =|BIN./) ?"?{module}\b', text), module


def test_conda_specs_parse_without_a_network():
    assert set(CONDA) == {"name", "channels", "dependencies"}
    assert [rattler.Channel(channel).name for channel in CONDA["channels"]] == ["conda-forge"]
    specs = [rattler.MatchSpec(d) for d in CONDA["dependencies"] if isinstance(d, str)]
    assert {spec.name.normalized for spec in specs} == {"python", "pip"}


def test_conda_python_agrees_with_pyproject():
    (spec,) = (d for d in CONDA["dependencies"] if isinstance(d, str) and d.startswith("python"))
    assert SpecifierSet(spec.removeprefix("python ")) == SpecifierSet(
        PYPROJECT["project"]["requires-python"]
    )


def test_conda_reads_the_same_requirements():
    (pip,) = (d["pip"] for d in CONDA["dependencies"] if isinstance(d, dict))
    assert pip == ["-r requirements.txt", "-c constraints.txt"]


def test_package_reads_the_same_requirements():
    dynamic = PYPROJECT["tool"]["setuptools"]["dynamic"]
    assert dynamic["dependencies"] == {"file": ["requirements.txt"]}
    assert "dependencies" in PYPROJECT["project"]["dynamic"]
