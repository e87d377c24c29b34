"""The report: what it holds, what its captions print, and that a browser shows it offline."""

import base64
import html
import json
import re
import shutil
import subprocess
from collections import Counter

import pandas as pd
import pytest

from saddle_escape import config
from saddle_escape.artifact import costs, pages
from saddle_escape.artifact.catalogue import BY_DEFAULT
from saddle_escape.claims import statements as claims

from .conftest import ROOT, offline, run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OFFLINE = (  # every address but the file itself leads nowhere
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--proxy-server=http://127.0.0.1:9",
    "--virtual-time-budget=8000",
    "--window-size=1500,1000",
)
CLICK = """<script>window.addEventListener("load", () => setTimeout(() => {{
  {action}
  setTimeout(() => {{
    const image = document.querySelector("#app img[src^='data:image/png']");
    document.title = image ? `image ${{image.naturalWidth}} ${{image.clientWidth}}` : "no image";
  }}, 1500);
}}, 500));</script>"""
SHOW = 'app.setView({{content: "{kind}", contentPath: {uri}}});'


@pytest.fixture(scope="module")
def report(smoke_tree):
    """The text of the smoke tier's report.html; the tree keeps nothing of it."""
    page = smoke_tree / "report.html"
    done = run([*offline(), "make", "report", "TIER=smoke"], smoke_tree)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    page.unlink()
    assert len(text) > 1e6
    return text


def embedded(report, name):
    """A value that the report keeps as JSON."""
    return json.loads(re.search(rf"^ *var {name} = (\{{.*\}});$", report, flags=re.MULTILINE)[1])


def text_of(entry):
    return base64.b64decode(entry["data_uri"].partition("base64,")[2]).decode()


def test_has_the_figures_the_claims_and_the_costs_by_label(report):
    categories = embedded(report, "categories")
    assert categories.keys() == {"Figures", "Claims", "Costs"}
    results = embedded(report, "results")
    assert set(results) == {
        *(f"results/smoke/figures/{figure}.png" for figure in BY_DEFAULT),
        "results/smoke/claims/report.html",
        "results/smoke/costs.html",
    }
    for path, figure in BY_DEFAULT.items():
        label = results[f"results/smoke/figures/{path}.png"]["labels"]
        assert label == {"figure": figure.name.removeprefix("figure"), "shows": figure.shows}
    labels = [tuple(entry["labels"].values()) for entry in results.values()]
    assert len(set(labels)) == len(labels)
    assert not any(re.search(r"\.(png|html|csv)", value) for pair in labels for value in pair)


def test_captions_print_the_parameters_of_this_tier(report):
    settings = config.load_tiers(ROOT / "config")[1]["smoke"]
    results = embedded(report, "results")
    captions = {
        path.partition("figures/")[2].removesuffix(".png"): re.sub(r"\s+", " ", entry["caption"])
        for path, entry in results.items()
    }
    reduction, offmanifold, cascade, companion = (
        settings[name] for name in ("reduction", "offmanifold", "cascade", "companion")
    )
    sgd = offmanifold["sgd"]
    assert f"X(0) = {', '.join(map(str, reduction['init']))}." in captions["figure1"]
    assert f"Depth {reduction['depth']}, width {reduction['width']}" in captions["figure1"]
    size = f"depth {offmanifold['depth']}, width {offmanifold['width']} and"
    assert size in captions["figure4"]
    assert f"batches of {sgd['batch']} and rate {sgd['rate']}" in captions["figure4"]
    assert f"ε = {cascade['epsilon']}. The network" in captions["figure5"]
    start = f"ε = {companion['epsilon']}, ρ = {companion['rho']}, seed {companion['seed']}"
    assert start in captions["supplement/companion"]
    for path, figure in BY_DEFAULT.items():
        assert figure.supplement or figure.source in captions[path]
    assert not any("{" in caption or "system-message" in caption for caption in captions.values())
    assert all(len(re.sub("<[^>]+>", "", caption)) > 80 for caption in captions.values())


def test_the_claims_table_has_every_claim_and_the_costs_every_figure(report):
    results = embedded(report, "results")
    table = html.unescape(text_of(results["results/smoke/claims/report.html"]))
    for claim in claims.load_claims().values():
        assert claim["title"] in table, claim["id"]
    page = text_of(results["results/smoke/costs.html"])
    shown = [*(figure.name for figure in BY_DEFAULT.values()), costs.CLAIMS.name]
    assert all(f"<td>{part}</td>" in page for part in shown)  # others only where computed


def test_nothing_is_loaded_from_elsewhere(report):
    shell = re.sub(r"data:[\w/+-]+;[^\"]*", "", report)
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']?https?:", shell)


def _later(action):
    return f"setTimeout(() => {{{action}}}, 300);"


@pytest.fixture
def browse(report, tmp_path):
    """Open the report in Chromium without a network and do something: the page's final HTML."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install Debian's package `chromium`")

    def open_page(action, *options):
        page = tmp_path / "report.html"
        before, after = report.rsplit("</body>", 1)
        page.write_text(f"{before}{CLICK.format(action=action)}</body>{after}")
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [CHROMIUM, *OFFLINE, profile, *options, page.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return open_page


def test_opens_offline_with_its_menu(browse):
    done = browse("", "--dump-dom")
    menu = re.sub(r"\s+", " ", re.sub("<script.*?</script>", "", done.stdout, flags=re.DOTALL))
    assert all(f">{name}<" in menu for name in ("Figures", "Claims", "Costs"))
    assert "Saddle escape in deep nonlinear networks" in menu


@pytest.mark.parametrize("figure", ["figure1", "figure4"])
def test_shows_a_figure_that_fits_the_window(browse, figure):
    uri = f'results["results/smoke/figures/{figure}.png"].data_uri'
    caption = f'app.showResultInfo("results/smoke/figures/{figure}.png");'
    done = browse(f"{caption} {_later(SHOW.format(kind='img', uri=uri))}", "--dump-dom")
    natural, shown = map(int, re.search(r"<title>image (\d+) (\d+)</title>", done.stdout).groups())
    assert natural > 900 and 300 < shown < 1500
    shown = re.sub("<script.*?</script>", "", done.stdout, flags=re.DOTALL)
    assert re.search("Theorem|Corollary|Proposition", shown)  # the caption beside it


@pytest.mark.parametrize("table", ["claims/report", "costs"])
def test_shows_the_tables(browse, tmp_path, table):
    """The page is in a frame of its own: it must paint, and differ from an empty one."""
    shots = []
    uri = f'results["results/smoke/{table}.html"].data_uri'
    for shown in (uri, '"data:text/html,"'):
        shot = tmp_path / f"{len(shots)}.png"
        browse(SHOW.format(kind="html", uri=shown), f"--screenshot={shot}")
        shots.append(shot.read_bytes())
    assert len(shots[0]) > 1.2 * len(shots[1])


def test_make_report_writes_it(tree):
    (tree / ".venv").mkdir()
    (tree / ".venv/.requirements").touch()
    plan = run(["make", "--dry-run", "report", "TIER=smoke"], tree).stdout
    compute, write = (line for line in plan.replace("\\\n", "").splitlines() if "snakemake" in line)
    assert "tier=smoke -- report_contents" in compute
    assert (
        "--report report.html" in write and "--report-stylesheet workflow/report/style.css" in write
    )


def test_a_table_page_escapes_its_text():
    page = pages.table_page("a < b", pd.DataFrame({"peak_mb": [1234.5], "name": ["<script>"]}))
    assert "a &lt; b" in page and "&lt;script&gt;" in page and "<script>" not in page
    assert "<th>peak mb</th>" in page and '<td class="number">1234.5</td>' in page


@pytest.mark.parametrize(
    ("patterns", "folder", "suffix", "shared"),
    [
        ("benchmarks", "benchmarks/", ".tsv", {"costs_page.tsv"}),
        ("tables", "", ".manifest.json", set()),
    ],
)
def test_every_job_and_every_result_is_counted_in_one_part(
    smoke_tree, patterns, folder, suffix, shared
):
    root = smoke_tree / "results/smoke" / folder
    counted = Counter(
        path
        for part in costs.PARTS.values()
        for path in {
            path for pattern in getattr(part, patterns) for path in root.glob(pattern + suffix)
        }
    )
    assert set(counted.values()) == {1}
    uncounted = set(root.rglob(f"*{suffix}")) - set(counted)
    assert {str(path.relative_to(root)) for path in uncounted} <= shared
