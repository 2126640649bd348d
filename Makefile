# Antiphon's everyday commands. Cargo is all they need.

PORT ?= 8080
DATA ?= ./data
TARGET = $(or $(CARGO_TARGET_DIR),./target)
TSC = $(TARGET)/typescript/node_modules/.bin/tsc

.PHONY: run test lint fmt bench cargo interpreters servers typescript

# Builds the program and serves the demonstration on http://127.0.0.1:$(PORT), with its data in $(DATA).
run: cargo
	cargo build --release --locked --package antiphon
	$(TARGET)/release/antiphon serve --demo --listen 127.0.0.1:$(PORT) --data $(DATA)

# Everything that must hold before a change goes in.
test: lint interpreters servers typescript
	ANTIPHON_TEST_TSC=$(abspath $(TSC)) cargo test --workspace --locked

# Layout and lints, warnings included.
lint: cargo
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

# Lays the code out.
fmt: cargo
	cargo fmt --all

# Measures the program beside a bare handler; takes minutes and wants a quiet machine.
bench: cargo
	cargo build --release --locked --package antiphon --package antiphon-bench
	$(TARGET)/release/antiphon-bench --server $(TARGET)/release/antiphon
	cargo bench --quiet --locked --package antiphon-services --bench access
	$(TARGET)/release/antiphon-bench --server $(TARGET)/release/antiphon languages
	cargo bench --quiet --locked --package antiphon-script --bench workers
	$(TARGET)/release/antiphon-bench --server $(TARGET)/release/antiphon queue
	cargo bench --quiet --locked --package antiphon-services --bench queue

cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust 1.95 or newer from https://rustup.rs" >&2; exit 1; }

# The compiler that the types of events are tried with, in a folder of its own.
typescript: interpreters
	@[ -x $(TSC) ] || npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(TARGET)/typescript typescript@5

# The interpreters whose scripts the tests run.
interpreters:
	@$(call install,node:nodejs npm:npm python3:python3 php:php-cli)

# The servers that the queue's tests talk to; distributions keep some of them out of the path.
servers:
	@PATH="$$PATH:/usr/sbin:$$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"; \
	$(call install,postgres:postgresql nats-server:nats-server)

# Sees to programs, given as program:package (names of Debian): installed where that is allowed, else asked for.
define install
	missing=; \
	for pair in $(1); do \
		command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing; \
	else \
		echo "programs that the tests need are missing; install these packages (names of Debian):$$missing" >&2; exit 1; \
	fi
endef
