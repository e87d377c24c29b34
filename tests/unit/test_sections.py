"""The keys that a rule reads are the fields of its study's settings class."""

import dataclasses
import importlib
import re
from pathlib import Path

import pytest

from saddle_escape import sections
from saddle_escape.config import ConfigError, load_tiers, schema, select
from saddle_escape.sections import section_keys
from saddle_escape.settings import load

ROOT = Path(__file__).parents[2]

SOURCES = {
    "settings.py": "class Rule:\n    step: float\n    nodes: int\n",
    "studies/other.py": "class Base:\n    depth: int\n",
    "studies/study.py": (
        "from ..settings import Rule\n"
        "from .other import Base\n"
        "class Part:\n    rule: Rule\n    seeds: tuple[int, ...]\n"
        "class Whole(Base):\n    part: Part\n    name: str\n    def method(self): ...\n"
        "class Wrong:\n    depht: int\n"
    ),
}
SCHEMA = {
    "properties": {
        "one": {
            "properties": {
                "depth": {"type": "integer"},
                "name": {"type": "string"},
                "part": {
                    "properties": {
                        "rule": {"properties": {"step": {}, "nodes": {}}},
                        "seeds": {"type": "array"},
                    }
                },
            }
        }
    }
}


@pytest.fixture
def library(tmp_path, monkeypatch):
    for name, text in SOURCES.items():
        path = tmp_path / "library" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(sections, "LIBRARY", tmp_path / "library")


def test_nested_and_inherited_fields_are_followed_to_their_leaves(library):
    keys = section_keys(SCHEMA, "one", "study.Whole")
    assert keys == ["depth", "part.rule.step", "part.rule.nodes", "part.seeds", "name"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("studi.Whole", "section 'studi.Whole': no study 'studi'; did you mean 'study'?"),
        ("study.Hole", "section 'study.Hole': no class 'Hole' in studies/study.py; did you mean"),
        ("study.Wrong", "section 'study.Wrong': the schema has no key 'one.depht'"),
    ],
)
def test_a_missing_class_or_an_unknown_field_is_one_line(library, settings, message):
    with pytest.raises(ConfigError) as error:
        section_keys(SCHEMA, "one", settings)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


# The sources are read without importing them; here they are imported and must agree.
RULES = "".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
SECTIONS = sorted(set(re.findall(r'section\(\s*"(\w+)",\s*"(\w+\.\w+)"', RULES)))


def test_the_rules_have_sections():
    assert len(SECTIONS) > 15


@pytest.mark.parametrize("tier", ["smoke", "default", "full"])
@pytest.mark.parametrize(("section", "name"), SECTIONS)
def test_every_study_loads_its_section(configs, tier, section, name):
    keys = section_keys(schema(), section, name)
    study, _, cls = name.partition(".")
    cls = getattr(importlib.import_module(f"saddle_escape.studies.{study}"), cls)
    settings = load(cls, select(configs[tier][section], keys))
    assert [f.name for f in dataclasses.fields(settings)] == list(
        dict.fromkeys(key.split(".")[0] for key in keys)
    )


@pytest.fixture(scope="session")
def configs():
    return load_tiers(ROOT / "config")[1]
