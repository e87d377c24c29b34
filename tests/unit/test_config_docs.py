"""config/README.md is the generated one, and says every key; so do the other files of record."""

import copy
import re
import shutil
from pathlib import Path

import pytest
import yaml

import saddle_escape
from saddle_escape import config
from saddle_escape.artifact import config_docs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "config/README.md").read_text(encoding="utf-8")


def test_the_committed_page_is_the_generated_one():
    assert config_docs.page(ROOT / "config") == PAGE, (
        "run python -m saddle_escape.artifact.config_docs"
    )


def leaves(settings, path=()):
    for key, value in settings.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))


@pytest.mark.parametrize("tier", config.tiers())
def test_every_key_that_a_tier_uses_is_documented_in_its_section(tier):
    settings = config.load_tiers(ROOT / "config")[1][tier]
    named_by_user = {
        ("universality", "epsilon", name) for name in settings["classes"]["activations"]
    }
    sections = dict(re.findall(r"## `(\w+)`\n(.*?)(?=\n## |\Z)", PAGE, flags=re.DOTALL))
    for section, *path in set(leaves(settings)) - named_by_user:
        if not path:
            assert f"`{section}`" in PAGE
            continue
        keys = re.findall(r"^\| `([^`]+)`", sections[section], flags=re.MULTILINE)
        names = [re.escape(key).replace(config_docs.ANY, r"[^`.]+").split(r"\.") for key in keys]
        named = {r"\.".join(name[:n]) for name in names for n in range(1, len(name) + 1)}
        assert any(re.fullmatch(name, ".".join(path)) for name in named), (section, path)


def test_a_changed_value_and_a_changed_meaning_change_the_page(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    smoke = tmp_path / "config/smoke.yaml"
    smoke.write_text(smoke.read_text().replace("t_end: 300\n", "t_end: 301\n"))
    assert "| 6300 | 301 |" in config_docs.page(tmp_path / "config")

    schema = copy.deepcopy(config.schema())
    schema["properties"]["reduction"]["properties"]["width"]["description"] = "Another meaning"
    monkeypatch.setattr(config, "schema", lambda: schema)
    assert "| `width` | Another meaning |" in config_docs.page(ROOT / "config")


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 10000000}, "integer ≥ 1 and ≤ 10000000"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "number > 0 and < 1"),
        ({"enum": ["auto", "cpu"]}, "`auto`, `cpu`"),
        ({"enum": list("abcdefgh")}, "`a` ... `h`"),
        (
            {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 4},
            "list of: number (2 to 4)",
        ),
    ],
)
def test_ranges_in_words(node, words):
    assert config_docs.allowed(node) == words


def test_the_citation_names_this_version_the_paper_and_the_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == saddle_escape.__version__
    assert citation["license"] == "MIT" and "MIT" in (ROOT / "LICENSE").read_text()
    assert citation["references"][0]["url"].endswith("2605.01288")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()


def test_the_changelog_tells_of_this_version():
    assert f"## {saddle_escape.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_catalog_entry_asks_for_nothing_that_rules_do_not_have():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert usage["report"] is True and "report(" in rules
    assert not any(usage["software-stack-deployment"].values()) and "conda:" not in rules
