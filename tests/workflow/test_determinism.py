"""The same bytes from the kernels of another processor, whatever number of threads is asked for.

Jobs take the number of threads from their rule, so that the environment's must not reach them.
"""

from .conftest import SNAKEMAKE, another, run

TABLES = [f"results/smoke/figures/figure{n}.csv" for n in (1, 2, 3, 5)]
ELSEWHERE = (  # what the libraries have for processors without AVX
    "env",
    "ATEN_CPU_CAPABILITY=default",
    "NPY_DISABLE_CPU_FEATURES=X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "ONEDNN_MAX_CPU_ISA=SSE41",
    "OPENBLAS_CORETYPE=Nehalem",
    "MKL_CBWR=COMPATIBLE",
    "OMP_NUM_THREADS=2",
)


def test_tables_of_figures_come_out_equal_on_another_processor(smoke_tree, tmp_path):
    tree = another(smoke_tree, tmp_path / "project")
    done = run([*ELSEWHERE, *SNAKEMAKE, "--config", "tier=smoke", "--", *TABLES], tree)
    assert done.returncode == 0, done.stderr
    for path in TABLES:
        assert (tree / path).read_bytes() == (smoke_tree / path).read_bytes(), path
