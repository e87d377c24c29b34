# Every command of the project. `make` alone lists them.

PYTHON ?= python3
TIER ?= default
CONFIG =

VENV := .venv
BIN := $(VENV)/bin
CHECK := $(if $(CONFIG),$(BIN)/python workflow/scripts/check_config.py $(TIER) $(CONFIG) && )
FILE := $(if $(CONFIG), --configfile $(CONFIG))
SNAKEMAKE := $(CHECK)$(BIN)/snakemake --logger progress --cores all --config tier=$(TIER)$(FILE)

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*  ## (.*)/  make \1\t\2/' | expand -t 18
	@echo "TIER=smoke|default|full sets the size of the computation (now: $(TIER))."
	@echo "CONFIG=my.yaml lays your own parameters over the tier's; config/README.md lists them."

.PHONY: setup
setup: $(VENV)/.requirements $(VENV)/.requirements-dev  ## make the environment in .venv

.PHONY: figures
figures: $(VENV)/.requirements  ## compute and draw every figure of the tier
	$(SNAKEMAKE)

.PHONY: supplement
supplement: $(VENV)/.requirements  ## compute and draw the figures beyond the paper, S1 to S6
	$(SNAKEMAKE) -- supplement

.PHONY: test
test: $(VENV)/.requirements-dev  ## run the whole test suite, the smoke tier included
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup

.PHONY: cluster
cluster: $(VENV)/.requirements-dev  ## run the smoke tier on a SLURM of two nodes that the test starts
	OMP_NUM_THREADS=1 $(BIN)/pytest -m cluster tests/workflow/test_slurm.py

.PHONY: claims
claims: $(VENV)/.requirements  ## check every claim of the paper; exit 1 if a verdict is unexpected
	$(SNAKEMAKE) -- claims

.PHONY: notebooks
notebooks: $(VENV)/.requirements  ## execute the notebooks on the tier's results, to be read as pages
	SADDLE_ESCAPE_TIER=$(TIER) $(BIN)/python workflow/scripts/execute_notebooks.py notebooks/*.py

.PHONY: lab
lab: $(VENV)/.requirements  ## open the notebooks in JupyterLab, to turn their parameters
	SADDLE_ESCAPE_TIER=$(TIER) $(BIN)/jupyter lab notebooks

.PHONY: report
report: $(VENV)/.requirements  ## write report.html: figures, claims and costs of the tier
	$(SNAKEMAKE) -- report_contents
	$(SNAKEMAKE) --report report.html --report-stylesheet workflow/report/style.css \
	    -- report_contents

.PHONY: compare
compare: $(VENV)/.requirements  ## hold the rebuilt figures against the committed ones
	$(BIN)/python -m saddle_escape.artifact.compare

.PHONY: crate
crate: $(VENV)/.requirements-dev  ## write ro-crate-metadata.json: what the tier's run read and left
	$(BIN)/python -m saddle_escape.artifact.crate $(TIER)

.PHONY: docs
docs: $(VENV)/.requirements  ## rewrite what is generated: costs, classes, seaborn's colours, README's tables, config/README.md, captions, codecheck.yml
	$(BIN)/python -m saddle_escape.artifact.costs
	$(BIN)/python -m saddle_escape.artifact.built_in
	$(BIN)/python -m saddle_escape.artifact.from_seaborn
	$(BIN)/python -m saddle_escape.artifact.readme
	$(BIN)/python -m saddle_escape.artifact.config_docs
	$(BIN)/python -m saddle_escape.artifact.captions
	$(BIN)/python -m saddle_escape.artifact.codecheck

.PHONY: bench
bench: $(VENV)/.requirements  ## measure speed beside other solvers: benchmarks/results.csv and .png
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks
	$(BIN)/python -m saddle_escape.artifact.readme

.PHONY: resume
resume: $(VENV)/.requirements  ## go on after a crash: end what it left running, unlock, finish
	$(BIN)/python workflow/scripts/end_orphans.py
	if ls .snakemake/locks/* > /dev/null 2>&1; then $(SNAKEMAKE) --unlock; fi
	$(SNAKEMAKE) --rerun-incomplete

.PHONY: clean
clean:  ## remove results/ and logs/; figures/ and the environment stay
	rm -rf results logs

.DEFAULT:
	@echo "No target '$@'; \`make help\` lists them all." >&2; exit 2

# The two stamps: a second call installs nothing unless the requirements have changed.

$(VENV)/.requirements: requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not; try: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -r requirements.txt -c constraints.txt
	$(BIN)/python -m pip install --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.requirements-dev: requirements-dev.txt requirements-bench.txt constraints.txt $(VENV)/.requirements
	$(BIN)/python -m pip install -r requirements-dev.txt -c constraints.txt
	@touch $@
