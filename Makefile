# Builds, demonstrates, tests and installs lmigrationhub; `make help` lists how.
CC ?= cc
CFLAGS ?= -O2 -g
WARNINGS = -std=c99 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Werror
BUILD = build
PREFIX = /usr/local
LUA = 5.4
INSTALL = .ci/install
LISTEN = 127.0.0.1:0

C_MODULES = sigv4 utf8 curl digest posix
LUAS = 5.4 5.3 5.1 jit

# Where a Lua's headers lie in Debian, and where it looks for modules.
HEADERS_5.4 = /usr/include/lua5.4
HEADERS_5.3 = /usr/include/lua5.3
HEADERS_5.1 = /usr/include/lua5.1
HEADERS_jit = /usr/include/luajit-2.1
FOLDER_5.4 = lua/5.4
FOLDER_5.3 = lua/5.3
FOLDER_5.1 = lua/5.1
FOLDER_jit = lua/5.1

# Only curl.so may need libcurl: nginx loads the signer without it.
LIBS_sigv4 = -lcrypto
LIBS_digest = -lcrypto
LIBS_utf8 =
LIBS_posix =
LIBS_curl = -lcurl

FOUND = $(foreach lua,$(LUAS),$(if $(wildcard $(HEADERS_$(lua))/lua.h),$(lua)))
AT_HOME = LUA_PATH='./?.lua;./?/init.lua;;' LUA_CPATH='$(BUILD)/5.4/?.so;;'

.PHONY: build help deps test-deps dashboard-deps demo hub dashboard test test-long test-dashboard coverage
.PHONY: fuzz bench nginx install clean
build: $(FOUND:%=build-%)

help:
	@echo "make            builds for each Lua whose headers are installed ($(FOUND))"
	@echo "make nginx      builds what runs inside nginx, which needs no libcurl"
	@echo "make demo       installs what is missing, lists a task's updates from a local Migration Hub"
	@echo "make hub        starts that local Migration Hub for you to try things, until Ctrl-C: SEED, SAVE (files)"
	@echo "make dashboard  a page that shows a migration as it goes, on that Hub, until Ctrl-C: LISTEN (ADDRESS:PORT)"
	@echo "make test-dashboard  looks at that page in headless Chromium"
	@echo "make test       installs what is missing, runs every test on every Lua"
	@echo "make coverage   runs the specs on Lua 5.4, shows what of C and Lua they reach"
	@echo "make test-long  reloads nginx 200 times, fails every single allocation in turn: some 15 minutes"
	@echo "make fuzz       fuzzes each target for a minute: SECONDS"
	@echo "make bench      measures costs beside other clients, some 11 minutes: QUICK=1, CHART=file.svg, ONLY=section"
	@echo "make install    copies the modules for Lua $(LUA) below $(PREFIX): LUA=5.4|5.3|5.1|jit, PREFIX, DESTDIR"
	@echo "make deps       installs what building and the demo need (Debian), make test-deps what tests need"
	@echo "make clean      removes $(BUILD)/"

# Compilers and headers come with these: they go before any build, also under make -j.
deps:
	@$(INSTALL) demo
test-deps:
	@$(INSTALL) test

# What an nginx needs, which brings an HTTP client of its own: no libcurl.
nginx: $(filter-out %/curl.so,$(C_MODULES:%=$(BUILD)/jit/lmigrationhub/%.so))

demo: deps
	@$(MAKE) --no-print-directory build-5.4 build-jit
	@$(AT_HOME) lua5.4 spec/hub/demo.lua

hub: deps
	@$(MAKE) --no-print-directory build-5.4 build-jit
	@$(AT_HOME) lua5.4 spec/hub/main.lua $(if $(SEED),--seed $(SEED)) $(if $(SAVE),--save $(SAVE))

test: test-deps
	@$(MAKE) --no-print-directory $(LUAS:%=build-%)
	@spec/interop/npm/install
	@lua5.4 spec/run.lua

coverage: test-deps
	@$(MAKE) --no-print-directory build-5.4 build-jit
	@spec/interop/npm/install
	@lua5.4 spec/run.lua coverage; status=$$?; cat $(BUILD)/coverage/report.txt; exit $$status

dashboard: deps
	@$(MAKE) --no-print-directory build-5.4 build-jit
	@LISTEN='$(LISTEN)' $(AT_HOME) lua5.4 examples/dashboard/demo.lua

dashboard-deps:
	@$(INSTALL) dashboard

test-dashboard: deps dashboard-deps
	@$(MAKE) --no-print-directory build-5.4 build-jit
	@spec/dashboard/npm/install
	@$(AT_HOME) lua5.4 spec/dashboard/run.lua

test-long: test-deps
	@$(MAKE) --no-print-directory $(LUAS:%=build-%)
	@env -i PATH="$$PATH" RELOADS=200 $(AT_HOME) lua5.4 /usr/bin/busted -o spec.tap spec/reload_spec.lua
	@spec/torture/run all

fuzz: test-deps
	@spec/fuzz/run $(or $(SECONDS),60)

# Not part of any test: it tells what things cost, beside other clients.
bench: test-deps
	@$(MAKE) --no-print-directory build-5.4 build-jit $(BUILD)/bench/measure $(BUILD)/bench/libcurl
	@spec/interop/npm/install
	@lua5.4 spec/bench/main.lua $(if $(QUICK),--quick) $(if $(CHART),--chart $(CHART)) $(if $(ONLY),--only $(ONLY))

$(BUILD)/bench/%: spec/bench/%.c
	@mkdir -p $(@D)
	$(CC) $(WARNINGS) $(CFLAGS) -o $@ $< $(LDFLAGS) -lcurl

LUA_FILES = $(filter-out %/types.lua,$(wildcard $(addprefix lmigrationhub/,*.lua */*.lua)))
install: build-$(LUA)
	@for file in $(LUA_FILES); do \
	  install -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/$(FOLDER_$(LUA))/$$file || exit; \
	done
	@for module in $(C_MODULES:%=lmigrationhub/%.so); do \
	  install -D -m 755 $(BUILD)/$(LUA)/$$module $(DESTDIR)$(PREFIX)/lib/$(FOLDER_$(LUA))/$$module || exit; \
	done

clean:
	rm -rf $(BUILD)

define rules
.PHONY: build-$(1)
build-$(1): $(C_MODULES:%=$(BUILD)/$(1)/lmigrationhub/%.so)
	@:
$(BUILD)/$(1)/lmigrationhub/%.so: lmigrationhub/%.c $$(wildcard lmigrationhub/*.h)
	@mkdir -p $$(@D)
	$$(CC) $$(WARNINGS) $$(CFLAGS) -fPIC -shared -I$$(HEADERS_$(1)) -o $$@ $$< $$(LDFLAGS) $$(LIBS_$$*)
endef
$(foreach lua,$(LUAS),$(eval $(call rules,$(lua))))

# Builds for tests lie below folders of their own: make BUILD=build/clang build-5.4
build/gcc/%: CC = gcc
build/clang/%: CC = clang
build/coverage/%: CC = gcc
build/coverage/%: CFLAGS = -O0 --coverage -include spec/no_return.h
build/coverage/%: LDFLAGS = -Wl,--exclude-libs=libgcov.a,--wrap=_exit spec/coverage/child.c
build/asan/%: CC = gcc
build/asan/%: CFLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

$(BUILD)/sanitized_lua: spec/sanitized_lua.c
	@mkdir -p $(@D)
	$(CC) $(WARNINGS) $(CFLAGS) -I$(HEADERS_5.4) -o $@ $< $(LDFLAGS) -llua5.4
