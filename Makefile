# Two commands matter: `make run` and `make test`. Both make .venv when it is missing or older than the requirements.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: setup run emulator test check format clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt requirements-dev.txt
	@echo "Setting up $(VENV) from the pinned requirements; this takes a minute or two, once."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@# A key saved in a clone must never leave the machine by git: leave local changes to the empty vault alone.
	@git update-index --skip-worktree redline/config/api_keys.json 2>/dev/null || true
	@touch $@

run: setup
	$(BIN)/python app.py

emulator: setup
	$(BIN)/python -m redline.emulator

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py
	@# The committed vault must be empty, so that no key, not even an encrypted one, leaves the machine by git.
	$(BIN)/python .ci/empty_vault.py

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
