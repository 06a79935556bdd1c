# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo demo-clean nodes nodes-down test lint sanity units differential differential-config migrate-all molecule faults leaks bench bench-audit venv stage build install

RUN := tests/tools/env

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## three nodes and a private registry; airgap.nodes.site brings them together and proves it
	@$(RUN) python tests/tools/stage.py install >/dev/null
	@$(RUN) python tests/nodes demo

demo-clean: ## remove what the demo or `make nodes` started
	@$(RUN) python tests/nodes demo-clean

nodes: ## bring up nodes (NODES=2.0,2.4; else 1.6, 1.7 and 2.3) and the registry, and print the inventory
	@$(RUN) python tests/nodes up $(if $(NODES),--nodes "$(NODES)")

nodes-down: ## remove nodes, network and registry
	@$(RUN) python tests/nodes down

test: ## lint, sanity, units, differential and molecule (from nothing under half an hour, later runs under 12 minutes)
	@$(RUN) python tests/tools/suites.py lint sanity units differential molecule

lint: ## yamllint, shellcheck, ruff, mypy, changelog, ansible-lint
	@$(RUN) python tests/tools/suites.py lint

sanity: ## ansible-test sanity, no ignores
	@$(RUN) python tests/tools/suites.py sanity

units: ## unit tests: the controller's, with coverage, and the node side on the oldest Python found
	@$(RUN) python tests/tools/suites.py units

differential: ## 1,500 made-up trees and configurations, each pulled through by the containerd of a release
	@AIRGAP_NODES_CASES=1500 $(RUN) pytest -rs tests/routes

differential-config: ## 3,000 made-up files and wishes, judged by the containerd of each release
	@AIRGAP_NODES_CASES=3000 $(RUN) pytest -rs tests/differential

migrate-all: ## every legacy file on every release: pulls before and after its migration, asked of the same endpoints
	@$(RUN) python tests/nodes up --nodes 1.6,1.7,2.1,2.2,2.3 >/dev/null
	@AIRGAP_NODES_MIGRATE=all $(RUN) pytest -rs tests/integration_nodes/test_migrate.py

molecule: ## the scenarios on real nodes
	@$(RUN) python tests/tools/suites.py molecule

faults: install ## kill, fill, break: at least 500 faults on real nodes, and a table of how each ended (FAULTS=--help)
	@$(RUN) python tests/nodes up --nodes 1.6,1.7,2.1,2.3 >/dev/null
	@$(RUN) python tests/faults $(FAULTS)

leaks: install ## close nodes whose only name server is a sink, see what they ask, then plant traps (LEAKS=--help)
	@$(RUN) python tests/nodes up --nodes tested >/dev/null
	@$(RUN) python tests/leaks $(LEAKS)

bench: install ## time a second run with nothing to change, against a ping (BENCH=--looped: and the usual way)
	@$(RUN) python tests/bench/bench.py $(BENCH)

bench-audit: install ## what an audit of 1,000 nodes costs the controller, and its page the reader (AUDIT=--help)
	@$(RUN) python tests/bench/fleet_audit.py $(AUDIT)

venv: ## make the development environment and print where it is
	@$(RUN) printenv VIRTUAL_ENV

stage: ## copy the clone to .state/collections, where ansible-test can run
	@$(RUN) python tests/tools/stage.py stage

build: ## build the collection's tarball
	@$(RUN) python tests/tools/stage.py build

install: ## build the tarball and install it below .state/installed
	@$(RUN) python tests/tools/stage.py install
