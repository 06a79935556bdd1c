# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help venv stage build install test lint sanity units molecule

RUN := tests/tools/env

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## make the development environment and print where it is
	@$(RUN) printenv VIRTUAL_ENV

stage: ## copy the clone to .state/collections, where ansible-test can run
	@$(RUN) python tests/tools/stage.py stage

build: ## build the collection's tarball
	@$(RUN) python tests/tools/stage.py build

install: ## build the tarball and install it below .state/installed
	@$(RUN) python tests/tools/stage.py install

test: ## lint, sanity, units and molecule (from nothing under half an hour, later runs under 12 minutes)
	@$(RUN) python tests/tools/suites.py lint sanity units molecule

lint: ## yamllint, shellcheck, ruff, mypy, changelog, ansible-lint
	@$(RUN) python tests/tools/suites.py lint

sanity: ## ansible-test sanity, no ignores
	@$(RUN) python tests/tools/suites.py sanity

units: ## unit tests: the controller's, with coverage, and the node side on the oldest Python found
	@$(RUN) python tests/tools/suites.py units

molecule: ## the scenarios on real nodes
	@$(RUN) python tests/tools/suites.py molecule
