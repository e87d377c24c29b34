"""Tiers and merge patches; what is refused is in test_bad_input.py."""

import shutil
from pathlib import Path

import pytest
import yaml

from saddle_escape.config import ConfigError, load_tiers, resolved, schema, select
from saddle_escape.theory import activations, quadrature

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def config_dir(tmp_path):
    """A copy of config/ to write mistakes into."""
    return shutil.copytree(CONFIG, tmp_path / "config")


def edit(path, change):
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def test_every_tier_is_valid_and_the_default_is_selected():
    selected, configs = load_tiers(CONFIG)
    assert selected == "default"
    assert set(configs) == {"smoke", "default", "full"}
    assert all(config["tier"] == tier for tier, config in configs.items())


def test_tier_file_is_laid_over_the_default():
    _, configs = load_tiers(CONFIG)
    patch = yaml.safe_load((CONFIG / "smoke.yaml").read_text())
    assert configs["smoke"]["reduction"]["width"] == patch["reduction"]["width"]
    assert configs["smoke"]["reduction"]["depth"] == configs["default"]["reduction"]["depth"]
    assert configs["smoke"]["reduction"]["init"] == patch["reduction"]["init"]


def test_null_removes_a_key():
    _, configs = load_tiers(CONFIG, {"universality": {"epsilon": {"gelu": None}}})
    assert "gelu" not in configs["default"]["universality"]["epsilon"]
    assert "tanh" in configs["default"]["universality"]["epsilon"]


def test_command_line_wins_over_the_tier_file():
    selected, configs = load_tiers(CONFIG, {"tier": "smoke", "reduction": {"width": 7}})
    assert selected == "smoke"
    assert configs["smoke"]["reduction"]["width"] == 7


def test_nested_text_from_the_command_line_is_read_as_numbers():
    given = {"reduction": {"depth": "2", "init": ["0.1", "2e-1"], "activation": "sin"}}
    reduction = load_tiers(CONFIG, given)[1]["default"]["reduction"]
    assert (reduction["depth"], reduction["init"]) == (2, [0.1, 0.2])
    assert reduction["activation"] == "sin"


def test_a_mistake_names_the_file_it_stands_in(config_dir):
    edit(config_dir / "smoke.yaml", lambda c: c["reduction"].update(width=0))
    with pytest.raises(ConfigError, match=r"smoke\.yaml: reduction\.width: 0 is less"):
        load_tiers(config_dir)
    edit(config_dir / "config.yaml", lambda c: c["reduction"].update(pionts=3))
    with pytest.raises(ConfigError, match=r"config\.yaml: reduction\.pionts: .*'points'"):
        load_tiers(config_dir)


def test_a_missing_tier_file_is_one_line(config_dir):
    (config_dir / "full.yaml").unlink()
    with pytest.raises(ConfigError, match=r"full\.yaml: cannot be read"):
        load_tiers(config_dir)


def test_exponents_without_a_point_are_numbers(config_dir):
    path = config_dir / "smoke.yaml"
    path.write_text(path.read_text().replace("min: 0.03", "min: 3e-2"))
    assert load_tiers(config_dir)[1]["smoke"]["critical_depth"]["wide"]["epsilon"]["min"] == 0.03


def test_select_takes_only_what_is_named():
    config = {"a": 1, "b": {"c": 2, "d": 3, "e": {"f": 4}}}
    assert select(config, ["a", "b.c", "b.e.f"]) == {"a": 1, "b": {"c": 2, "e": {"f": 4}}}
    with pytest.raises(KeyError):
        select(config, ["b.x"])


def test_schema_shares_its_names_with_the_library():
    figure2 = schema()["properties"]["critical_depth"]["properties"]
    assert figure2["activation"]["enum"] == list(activations.BUILTIN)
    assert set(figure2["quadrature"]["properties"]["rule"]["enum"]) == set(quadrature.RULES)


def test_what_a_reference_names_stands_in_its_place():
    inner = {"type": "integer", "minimum": 1}
    tree = {
        "properties": {"a": {"$ref": "#/$defs/b"}, "c": {"$ref": "#/$defs/d", "minimum": 2}},
        "items": [{"$ref": "#/$defs/d"}],
        "$defs": {"b": {"additionalProperties": {"$ref": "#/$defs/d"}}, "d": inner},
    }
    assert resolved(tree) == {
        "properties": {"a": {"additionalProperties": inner}, "c": inner | {"minimum": 2}},
        "items": [inner],
    }


def nodes(node, path="top"):
    """Every schema of a key, with its path."""
    yield path, node
    for key, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{key}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key], f"{path}.{key}")


SCHEMAS = dict(nodes(schema()))
RANGE = {
    "object": ({"additionalProperties"},),
    "array": ({"items"}, {"minItems"}),
    "string": ({"enum", "pattern"},),
    "integer": ({"minimum"}, {"maximum"}),
    "number": ({"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}),
}


@pytest.mark.parametrize("path", SCHEMAS)
def test_every_key_has_description_type_and_range(path):
    node = SCHEMAS[path]
    assert node["description"]
    assert all(bound & set(node) for bound in RANGE[node["type"]])
    if node["type"] == "object":
        free = "propertyNames" in node  # keys are names from a list; none other is accepted
        assert free or node["additionalProperties"] is False
