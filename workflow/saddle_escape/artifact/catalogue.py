"""The figures of the repository, one record each: what rules, report, costs and README read.

The Snakefile imports this, so it must do without numerical libraries. A figure's module in
``figures/``, its caption in ``workflow/report/`` and its target are called like it; tests hold that
all of them exist.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A part of the work, with what is computed for it and for no other part.

    jobs: patterns of its rules' benchmarks, <rule> or <rule>/<wildcards>; results: patterns of what
    they leave. Both are below their folder of results/<tier>/ and without suffix.
    """

    name: str
    jobs: tuple[str, ...]
    results: tuple[str, ...]

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """`jobs`, with those that all parts of a kind have."""
        return self.jobs

    @property
    def tables(self) -> tuple[str, ...]:
        """`results`, with those that all parts of a kind have."""
        return self.results


@dataclass(frozen=True)
class Figure(Part):
    """One figure.

    title: in a few words; source: what it shows of the paper; code: module of the library that
    computes it; expected: what to see; supplement: the paper has no such figure; on_demand: only
    its own target and ``supplement`` compute it.
    """

    title: str
    source: str
    code: str
    expected: str
    supplement: bool = False
    on_demand: bool = False

    @property
    def path(self) -> str:
        """Where it lies below figures/ and results/<tier>/figures/, without suffix."""
        return f"supplement/{self.name}" if self.supplement else self.name

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """Of its own jobs, and of gathering, drawing and publishing it."""
        return (*self.jobs, f"{self.name}_table", f"draw/{self.path}", f"publish/{self.path}")

    @property
    def tables(self) -> tuple[str, ...]:
        """Its own results and what is drawn."""
        return (*self.results, f"figures/{self.path}")

    @property
    def study(self) -> str:
        """Module of the library's studies that computes it, without suffix."""
        return self.code.removeprefix("studies/").removesuffix(".py")

    @property
    def drawing(self) -> str:
        """The module that draws it, in the library."""
        return f"figures/{self.name}.py"

    @property
    def caption(self) -> str:
        """Its caption, in workflow/."""
        return f"report/{self.name}.rst"

    @property
    def shows(self) -> str:
        """Title and source in one line."""
        return f"{self.title} ({self.source})"


_FIGURES = (
    Figure(
        name="figure1",
        title="a network and its reduction to L numbers",
        source="Theorem 4",
        jobs=("reduction_*", "reduction_*/*"),
        code="studies/reduction.py",
        results=("reduction/*",),
        expected="circles on the lines, X within 2e-3",
    ),
    Figure(
        name="figure2",
        title="the number of small layers sets the exponent",
        source="Theorems 5 and 6",
        jobs=("critical_depth_*",),
        code="studies/critical_depth.py",
        results=("critical_depth/*",),
        expected="slopes −(L−2) and −(r−2)",
    ),
    Figure(
        name="figure3",
        title="one curve for many activations",
        source="Corollary 7",
        jobs=("universality_*", "universality_*/*"),
        code="studies/universality.py",
        results=("universality/*",),
        expected="class B on one curve as ε → 0, class C below",
    ),
    Figure(
        name="figure4",
        title="the same exponents without symmetry",
        source="Theorem 11",
        jobs=("offmanifold_points/*",),
        code="studies/offmanifold.py",
        results=(
            "offmanifold/flow_*",
            "offmanifold/sgd_*",
            "offmanifold/slopes",
            "offmanifold/agreement",
        ),
        expected="slopes near −1, −3, −6; exact as ε → 0",
    ),
    Figure(
        name="figure5",
        title="three modes, one output",
        source="Proposition 24",
        jobs=("cascade_*",),
        code="studies/cascade.py",
        results=("cascade/*",),
        expected="the network escapes with the 30 variables; T(0) + ∫A dν = T(1)",
    ),
    Figure(
        name="companion",
        title="three modes, one output each",
        source="Proposition 24",
        jobs=("companion_*",),
        code="studies/companion.py",
        results=("companion/*",),
        expected="three drops of the loss; T(0) + ∫A dν = T(1)",
        supplement=True,
    ),
    Figure(
        name="asymptotics",
        title="exponents at small ε",
        source="Theorem 11",
        jobs=("offmanifold_asymptotics/*", "offmanifold_exponents"),
        code="studies/asymptotics.py",
        results=("offmanifold/asymptotics_*", "offmanifold/exponents"),
        expected="distances from r−2 fall with ε, down to the tolerance",
        supplement=True,
    ),
    Figure(
        name="signal",
        title="growth of the signal on the plateau",
        source="Theorem 11",
        jobs=("offmanifold_signal/*", "offmanifold_signal_table"),
        code="studies/signal.py",
        results=("offmanifold/signal_*",),
        expected="slopes 2−2/r; ratios near 1 until the escape",
        supplement=True,
    ),
    Figure(
        name="attraction",
        title="the symmetric manifold does not attract",
        source="abstract",
        jobs=("offmanifold_attraction",),
        code="studies/attraction.py",
        results=("offmanifold/attraction",),
        expected="distances level off instead of falling as the weights grow",
        supplement=True,
    ),
    Figure(
        name="figureS1",
        title="one law for all networks",
        source="the limit flow",
        jobs=("one_law/*",),
        code="studies/one_law.py",
        results=("one_law/*",),
        expected="all points on the diagonal; distances of order ε^k",
        supplement=True,
        on_demand=True,
    ),
    Figure(
        name="figureS2",
        title="weight decay is a trap",
        source="the limit flow",
        jobs=("weight_decay/*",),
        code="studies/weight_decay.py",
        results=("weight_decay/*",),
        expected="times diverge at the critical decay; beyond it weights go to zero",
        supplement=True,
        on_demand=True,
    ),
    Figure(
        name="figureS3",
        title="the error of the predicted time",
        source="Theorems 5 and 11",
        jobs=("error_law/*",),
        code="studies/error_law.py",
        results=("error_law/*",),
        expected="slopes min(q−1, r−2), at most 2 if r < L; logarithms with their own slope",
        supplement=True,
        on_demand=True,
    ),
    Figure(
        name="figureS4",
        title="the prefactor",
        source="the limit flow",
        jobs=("prefactor/*",),
        code="studies/prefactor.py",
        results=("prefactor/*",),
        expected="the limit, a function of N/d; spread as N^(−1/2), mean shifted by (L−2)/2N",
        supplement=True,
        on_demand=True,
    ),
    Figure(
        name="figureS5",
        title="where it ends",
        source="the limit flow, Appendix C.4",
        jobs=("breakdown/*",),
        code="studies/breakdown.py",
        results=("breakdown/*",),
        expected="class D, Adam, large starts, σ′(0) = 0: markers on other lines than r − 2",
        supplement=True,
        on_demand=True,
    ),
    Figure(
        name="figureS6",
        title="drift of the balance, cost of an escape",
        source="Proposition 13",
        jobs=("drift/*",),
        code="studies/drift.py",
        results=("drift/*",),
        expected="orders L + l(q−1); imbalance at the escape independent of ε",
        supplement=True,
        on_demand=True,
    ),
)

FIGURES = {figure.path: figure for figure in _FIGURES}  # in the order of report and README
BY_DEFAULT = {path: figure for path, figure in FIGURES.items() if not figure.on_demand}
ON_DEMAND = {path: figure for path, figure in FIGURES.items() if figure.on_demand}
CLAIMS = Part(
    name="claims",
    jobs=("measure_*", "claims_*", "publish_claims", "classify"),
    results=("claims/*", "classes"),  # the classes are claim 3's and of use to figures 2 and 3
)
