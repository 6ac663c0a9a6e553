# `make demo` and `make test` make the environment first; a second run skips that.
SHELL := /bin/bash
READY := .venv/.ready
PYTHON := .venv/bin/python
DEMO_DIR ?= outputs/demo
export HF_HUB_OFFLINE ?= 1
export MUJOCO_GL ?= egl

.PHONY: demo test test-fast lint setup constraints clean

demo: $(READY)
	$(PYTHON) -m lerobot_anchorvla.cli demo --output_dir=$(DEMO_DIR)

# One worker a core, with one thread each: more threads than cores slow each other down many times over.
PYTEST := OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n auto --dist loadfile

test: $(READY)
	$(PYTEST)

test-fast: $(READY)
	$(PYTEST) -m "not slow"

lint: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

setup: $(READY)

$(READY): pyproject.toml constraints.txt scripts/setup.sh
	bash scripts/setup.sh

# Names no package index; run it to move the pinned versions.
constraints:
	PATH="$$PATH:$(CURDIR)/.uv/bin" uv pip compile --no-header --no-annotate --all-extras --python-version 3.12 pyproject.toml -o constraints.txt

clean:
	rm -rf .venv .uv outputs
