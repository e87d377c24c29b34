"""No code of the repository runs what it reads: told from the syntax trees and the rules' text."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    path
    for folder in ("workflow", "notebooks", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not {".ipynb_checkpoints", "__pycache__"} & set(path.parts)
]
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow" / "rules").glob("*.smk"))]

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "code"}
BUILT_IN = {"eval", "exec", "compile", "__import__"}
ATTRIBUTES = {  # of any object: os.system, pandas.read_pickle, sympy.sympify, ..
    *("system", "popen", "getoutput", "getstatusoutput", "execv", "execve", "spawnl"),
    *("read_pickle", "to_pickle", "read_hdf", "sympify", "parse_expr", "import_module"),
    *("run_path", "run_module"),
    *("unsafe_load", "full_load", "UnsafeLoader", "FullLoader"),
}
SAFE_LOADERS = {"SafeLoader", "CSafeLoader", "_Loader"}  # the last is strict_yaml's
# What imports modules by name, from lists of the repository alone, and who runs a script in place
# of the process that Snakemake has started for it.
BY_NAME = {
    "measure.py": {"import_module"},
    "draw.py": {"import_module"},
    "forkserver.py": {"import_module", "run_path"},
}


def dangers(tree, file=""):
    """Names of what a syntax tree has that could run data as code, or a shell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            modules = [*names, *([node.module] if getattr(node, "module", None) else [])]
            yield from (m for m in modules if m.partition(".")[0] in MODULES)
            yield from (n for n in names if n in ATTRIBUTES - BY_NAME.get(file, set()))
        if isinstance(node, ast.Name) and node.id in BUILT_IN:
            yield node.id
        if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES - BY_NAME.get(file, set()):
            yield node.attr
        if isinstance(node, ast.Call):
            yield from _of_a_call(node)


def _of_a_call(node):
    """The same of one call: its arguments make it safe or not."""
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    called = ast.unparse(node.func)
    shell, pickled = keywords.get("shell"), keywords.get("allow_pickle")
    for name, value in (("shell", shell), ("allow_pickle", pickled)):
        if value is not None and not (isinstance(value, ast.Constant) and value.value is False):
            yield name
    if called in ("yaml.load", "yaml.load_all"):
        loader = keywords.get("Loader") or (node.args[1] if len(node.args) > 1 else None)
        if loader is None or ast.unparse(loader).rpartition(".")[2] not in SAFE_LOADERS:
            yield called
    if called == "torch.load" and ast.unparse(keywords.get("weights_only", node)) != "True":
        yield called


def test_no_module_runs_what_it_reads():
    found = {path: list(dangers(ast.parse(path.read_bytes()), path.name)) for path in FILES}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib.hashing",
        "eval('1')",
        "run = exec",
        "__import__('os')",
        "os.system('ls')",
        "from os import system",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=wanted)",
        "yaml.load(text)",
        "yaml.load(text, yaml.Loader)",
        "yaml.load(text, Loader=yaml.UnsafeLoader)",
        "yaml.unsafe_load(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "numpy.load(path, allow_pickle=True)",
        "pandas.read_pickle(path)",
        "sympy.sympify(text)",
        "importlib.import_module(name)",
    ],
)
def test_each_danger_is_seen(code):
    assert list(dangers(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "class softplus(sp.Function):\n    @classmethod\n    def eval(cls, arg): return None",
        "re.compile('a')",
        "ast.parse(text, mode='eval')",
        "model.eval()",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "yaml.safe_load(text)",
        "torch.load(path, weights_only=True)",
        "subprocess.run(['ls'], shell=False)",
    ],
)
def test_what_only_looks_like_one_passes(code):
    assert list(dangers(ast.parse(code))) == []


# --- shell commands of rules ----------------------------------------------------------------------

DIRECTIVE = re.compile(r"^( +)shell:(.*\n(?:\1 +.*\n|\n)*)", re.MULTILINE)
FIELD = re.compile(r"\{([^{}]*)\}")
# Files, whose names are written in the rules but for wildcards, and these are constrained.
FILES_OF_A_RULE = re.compile(r"(input|output|log)(\.\w+|\[\d+\])*(:q)?")


def unsafe_commands(text):
    """What the shell commands of rules would fill in besides the names of files."""
    for command in (match.group(2) for match in DIRECTIVE.finditer(text)):
        if re.search(r"\bf[\"']|\+|%|\.format\(", re.sub(r"\{[^{}]*\}", "", command)):
            yield command
        yield from (f for f in FIELD.findall(command) if not FILES_OF_A_RULE.fullmatch(f))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_no_shell_command_has_a_value_of_the_configuration(path):
    text = path.read_text(encoding="utf-8")
    assert list(unsafe_commands(text)) == []
    assert not re.search(r"\bshell\(|^ *run:", text, re.MULTILINE)


def test_the_shell_commands_are_found():
    text = "".join(path.read_text(encoding="utf-8") for path in RULES)
    assert len(DIRECTIVE.findall(text)) == len(re.findall(r"^ +shell:", text, re.MULTILINE)) > 0


@pytest.mark.parametrize(
    "command", ['"echo {config[tier]}"', '"echo {params.name}"', 'f"echo {name}"', '"echo " + name']
)
def test_an_unsafe_command_is_seen(command):
    assert list(unsafe_commands(f"rule a:\n    shell:\n        {command}\n"))
