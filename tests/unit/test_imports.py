"""The transitive import closure that decides which rules rerun."""

import ast
from pathlib import Path

import pytest

from saddle_escape import imports
from saddle_escape.imports import import_closure

FILES = {
    "scripts/run.py": "import os\nfrom _shell import job\nfrom lib.studies import one\n",
    "scripts/_shell.py": "def job():\n    from lib import results\n",
    "scripts/other.py": "import lib.studies.two\n",
    "lib/__init__.py": "",
    "lib/results.py": "import json\n",
    "lib/studies/__init__.py": "from .. import base\n",
    "lib/studies/one.py": "from ..models import a\nimport lib.b\n",
    "lib/studies/two.py": "from .. import alone\n",
    "lib/base.py": "",
    "lib/models.py": "from .c import thing\nfrom . import *\n",
    "lib/b.py": "import lib.models\n",  # a cycle
    "lib/c.py": "from lib import b\n",
    "lib/alone.py": "",
}


@pytest.fixture
def project(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def closure(project, entry):
    files = import_closure(project / entry, roots=(project, project / "scripts"))
    return {str(path.relative_to(project.resolve())) for path in files}


def test_everything_reached_and_nothing_else(project):
    assert closure(project, "scripts/run.py") == set(FILES) - {
        "scripts/run.py",
        "scripts/other.py",
        "lib/studies/two.py",
        "lib/alone.py",
    }


def test_sibling_does_not_pull_in_its_neighbours(project):
    assert closure(project, "scripts/other.py") == {
        "lib/studies/two.py",
        "lib/__init__.py",
        "lib/studies/__init__.py",
        "lib/base.py",
        "lib/alone.py",
    }


def test_what_only_a_type_checker_imports_does_not_count(project):
    block = "if TYPE_CHECKING:\n    from . import alone\n"
    (project / "lib/base.py").write_text(block)
    (project / "lib/b.py").write_text(f"from typing import TYPE_CHECKING\n{block.strip()}  # why")
    assert "lib/alone.py" not in closure(project, "scripts/run.py")


def test_a_new_import_widens_the_closure(project):
    (project / "lib/base.py").write_text("def f():\n    from . import alone\n")
    assert "lib/alone.py" in closure(project, "scripts/run.py")


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    pass\nexcept OSError:\n    from . import alone\n",
        "try:\n    pass\nexcept OSError:\n    pass\nelse:\n    from . import alone\n",
        "try:\n    pass\nfinally:\n    from . import alone\n",
        "match 1:\n    case 1:\n        from . import alone\n",
        "class A:\n    def f(self):\n        with open('x'):\n            from . import alone\n",
        "import os; from . import alone\n",
        "if 1: from . import alone\n",
        "from . import \\\n    alone\n",
        "from . import (  # one (of several)\n    alone,\n)\n",
        "from . import (\n    alone,  # why\n)  # and why\n",
        'def f():\n    """Read the\nimport statements of a file.\n"""\n    from . import alone\n',
        "from . import (\n    a,  # 1)\n    alone,\n)\n",
        'def f():\n    """\nif TYPE_CHECKING:\n    x"""\n    from . import alone\n',
        "import json  # no import of ours\nfrom . import alone\n",
        "if TYPE_CHECKING:\n    from . import a\n\n    from . import b\nfrom . import alone\n",
        "while 0:\n    pass\nelse:\n    if 0:\n        pass\n    else:\n        import lib.alone\n",
    ],
)
def test_an_import_counts_wherever_a_statement_may_stand(project, text):
    (project / "lib/base.py").write_text(text)
    assert "lib/alone.py" in closure(project, "scripts/run.py")


def test_imports_read_from_the_text_are_those_of_the_syntax_tree():
    for path in sorted(Path("workflow").rglob("*.py")):
        nodes = imports._executable(imports.parse(path))
        parsed = [ast.dump(n) for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
        assert [ast.dump(n) for n in imports._imports(path)] == parsed, path
