# Everything a person or a build machine says. Each target sets up what it needs.

PREFIX ?= /usr/local

.PHONY: run test soak lint bench screenshots install help
.DEFAULT_GOAL := help

help:
	@echo 'make run          build and open the app with a pod (without a display: in a virtual one)'
	@echo 'make test         run all tests; root runs them again as an ordinary user'
	@echo 'make soak         run the tests with random rounds for long; PODSCOPE_SOAK=100 for five times as long'
	@echo 'make lint         check format and clippy; warnings are errors'
	@echo 'make bench        measure the numbers of docs/numbers.md'
	@echo 'make screenshots  take all screenshots again with the real app'
	@echo 'make install      into PREFIX ($(PREFIX)), below DESTDIR if that is set'

run:
	@scripts/run

test:
	@scripts/test

soak:
	@scripts/soak

lint:
	@scripts/lint

bench:
	@scripts/setup test
	cargo build --example empty_window
	cargo run -p pause-init --example bench
	cargo bench --profile dev

screenshots:
	@scripts/screenshots

install:
	cargo build --release
	install -Dm755 "$${CARGO_TARGET_DIR:-target}/release/podscope" "$(DESTDIR)$(PREFIX)/bin/podscope"
	install -Dm644 assets/packaging/podscope.desktop "$(DESTDIR)$(PREFIX)/share/applications/podscope.desktop"
	install -Dm644 assets/icons/logo.svg "$(DESTDIR)$(PREFIX)/share/icons/hicolor/scalable/apps/podscope.svg"
