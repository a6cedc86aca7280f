# SPDX-License-Identifier: GPL-2.0-or-later
# swtrace - `make help` lists the targets. V=1 shows commands, DEBUG=1 builds without optimisation, SAN=1 with ASan and
# UBSan (in a build folder of its own).

VERSION := 0.1.0
PREFIX ?= /usr/local
CLANG ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)

ARCH := $(patsubst x86_64,x86,$(shell uname -m))
ifneq ($(ARCH),x86)
$(error swtrace: the kernel side knows x86-64 only, not $(ARCH))
endif

ifeq ($(SAN),1)
BUILD := build-san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
BUILD := build
# swtrace's own malloc is inside of it: see cli/main.c. Sanitizers have one of theirs.
OWN_MALLOC := -l:libjemalloc_pic.a
endif

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

OPT := $(if $(DEBUG),-O0,-O2)
CPPFLAGS += -D_GNU_SOURCE -DSWTRACE_VERSION='"$(VERSION)"' -Isrc -Iinclude -I$(BUILD)
CFLAGS += -std=gnu11 -g $(OPT) -Wall -Wextra -Werror $(SANFLAGS)
LDLIBS += -lbpf -ldw -lelf -lZydis -liberty -ljansson -lseccomp -lmicrohttpd -lprotobuf-c -lcurl -lncursesw -ltinfo -lz -lm -lpthread

# ---- sources ---------------------------------------------------------------------------------------------------------

SRC := $(wildcard src/*/*.c)
OBJ := $(SRC:src/%.c=$(BUILD)/%.o) $(BUILD)/pprof.pb-c.o
LIB_OBJ := $(filter-out $(BUILD)/cli/main.o,$(OBJ))
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
ALLOC := jemalloc jemalloc-inside jemalloc-static tcmalloc tcmalloc-inside tcmalloc-static mimalloc musl musl-static static
TARGETS := $(patsubst tests/live/targets/%.c,build/tests/live/%,$(filter-out %/engine.c %/engine-main.c %/swoole.c %/swoole-main.c,\
	$(wildcard tests/live/targets/*.c))) build/tests/live/life-static $(addprefix build/tests/live/alloc-,$(ALLOC)) \
	$(addprefix build/tests/live/operators-,plain $(filter-out musl%,$(ALLOC))) \
	$(addprefix build/tests/live/swoole-,5.1.8 6.2.2 9.9.9) \
	$(addprefix build/tests/live/,engine-nts engine-zts engine-wrong engine-unknown engine-typed engine-stripped engine-initial-exec engine-global-dynamic) \
	$(addprefix build/tests/live/,faults-static faults-stripped faults-static-stripped terminate)

# The sanitized binary stays in its build folder: tests/run finds it there.
.PHONY: all
all: $(if $(filter 1,$(SAN)),$(BUILD)/swtrace,swtrace manual) ## build ./swtrace, its man page and completions

swtrace: $(BUILD)/swtrace
	$(Q)cp $< $@

$(BUILD)/swtrace: $(OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(OWN_MALLOC)

$(BUILD)/%.o: src/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Only these see the skeletons: generated before they are compiled.
$(filter $(BUILD)/attach/%,$(OBJ)): $(BUILD)/swtrace.skel.h $(BUILD)/trial.skel.h

# The code of pprof's messages is made from their description.
PROTOC_C ?= protoc-c
$(BUILD)/pprof.pb-c.c: src/export/pprof.proto
	$(call say,PROTO,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(PROTOC_C) --c_out=$(@D) --proto_path=src/export pprof.proto

$(BUILD)/pprof.pb-c.h: $(BUILD)/pprof.pb-c.c
$(BUILD)/pprof.pb-c.o: $(BUILD)/pprof.pb-c.c
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/export/pprof.o: $(BUILD)/pprof.pb-c.h

# The page of export/html.c in two pieces: all before the data, and all after it. The browser runs only the script, and uses only the
# style, whose hashes stand in its policy; there an element's content begins with the end of the line of its tag.
PAGE := src/export/page
PAGE_SCRIPT := $(addprefix $(PAGE)/,words.js data.js tree.js graph.js legend.js curve.js tables.js main.js)
page_hash = $$({ echo; cat $(1); } | sha256sum | cut -c -64 | tr a-f A-F | basenc -d --base16 | base64)
$(BUILD)/page/head.html: $(PAGE)/page.html $(PAGE)/style.css $(PAGE_SCRIPT)
	$(call say,PAGE,$(@D))
	$(Q)mkdir -p $(@D)
	$(Q)cat $(PAGE_SCRIPT) > $(@D)/script.js
	$(Q)sed -e '/^@STYLE@$$/{' -e 'r $(PAGE)/style.css' -e 'd}' -e '/^@SCRIPT@$$/{' -e 'r $(@D)/script.js' -e 'd}' \
		-e "s|@POLICY@|default-src 'none'; script-src 'sha256-$(call page_hash,$(@D)/script.js)'; style-src 'sha256-$(call \
		page_hash,$(PAGE)/style.css)'; base-uri 'none'; form-action 'none'|" $(PAGE)/page.html > $(@D)/page.html
	$(Q)sed '1,/^@DATA@$$/d' $(@D)/page.html > $(@D)/tail.html
	$(Q)sed '/^@DATA@$$/,$$d' $(@D)/page.html > $@
$(BUILD)/export/html.o: $(BUILD)/page/head.html
$(BUILD)/export/html.o: private CFLAGS += -Wa,-I$(BUILD)

# ---- kernel side -----------------------------------------------------------------------------------------------------

# -g: CO-RE and the map definitions need BTF. -mcpu=v3: compare-and-swap (kernel 5.12). -ffile-prefix-map: BTF has the paths of
# sources, and where they lay when the binary was built is nobody's business.
BPF_CFLAGS := -g -O2 -target bpf -ffile-prefix-map=$(CURDIR)=. -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Wall -Wextra -Werror -Ivmlinux -Iinclude -Ibpf
$(BUILD)/swtrace.bpf.o: bpf/swtrace.bpf.c $(wildcard bpf/*.h) $(wildcard vmlinux/*.h) include/swtrace/abi.h
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@.tmp $<
	$(Q)$(BPFTOOL) gen object $@ $@.tmp
	$(Q)rm -f $@.tmp

%/swtrace.skel.h: %/swtrace.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name swtrace_bpf > $@.tmp && mv $@.tmp $@

$(BUILD)/trial.skel.h: bpf/trial.bpf.c $(wildcard vmlinux/*.h)
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $(BUILD)/trial.bpf.o $<
	$(Q)$(BPFTOOL) gen skeleton $(BUILD)/trial.bpf.o name trial_bpf > $@.tmp && mv $@.tmp $@

# ---- man page and completions ----------------------------------------------------------------------------------------

# Made from the table of options by a program that holds it.
MANUAL := $(BUILD)/swtrace.8 $(addprefix $(BUILD)/completions/,swtrace.bash _swtrace swtrace.fish)
.PHONY: manual
manual: $(MANUAL)

$(BUILD)/generate: manual/generate.c $(LIB_OBJ)
	$(call say,TOOL,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(LDLIBS)

$(BUILD)/swtrace.8: manual/swtrace.8.in
$(filter-out %.8,$(MANUAL)): $(BUILD)/completions/%: manual/%.in
$(MANUAL): $(BUILD)/generate
	$(call say,MANUAL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BUILD)/generate $(filter %.in,$^) > $@.tmp && mv $@.tmp $@

# ---- tests -----------------------------------------------------------------------------------------------------------

$(BUILD)/tests/unit/%: tests/unit/%.c $(LIB_OBJ)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(LDLIBS) -lcmocka

# Targets keep frame pointers and their calls: what the tests expect of a stack must be there.
TARGET_CFLAGS := -std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -fno-omit-frame-pointer \
	-fno-optimize-sibling-calls -pthread
TARGET_nolibc := -nostdlib -static
TARGET_jit-image := -lbpf
TARGET_deep := -O2 -fomit-frame-pointer -fcf-protection=none
TARGET_plugin := -O2 -shared -fPIC -fomit-frame-pointer
TARGET_plugins := -ldl
TARGET_hostile := -ldl
TARGET_hostile-library := -shared -fPIC
TARGET_requests := -ldl -rdynamic
TARGET_swoole-requests := -shared -fPIC -s
TARGET_shim := -shared -fPIC
TARGET_plugin-malloc := -shared -fPIC -Wl,-z,lazy
TARGET_binds := -ldl
TARGET_jemalloc := -ljemalloc
TARGET_tcmalloc := -ltcmalloc_minimal
TARGET_mimalloc := -lmimalloc
TARGET_forks := -fomit-frame-pointer
TARGET_embed := -l:libphp8.2.so
TARGET_handlers := $(TARGET_embed)
TARGET_faults := -lm
build/tests/live/%: tests/live/targets/%.c tests/live/targets/target.h tests/live/targets/books.h
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -o $@ $< $(TARGET_$*)

# Programs that die; the same without libraries, and without names.
FAULTS_static := -static
FAULTS_stripped := -s
FAULTS_static-stripped := -static -s
FAULTS_H := $(wildcard tests/live/targets/faults*.h)
build/tests/live/faults: $(FAULTS_H)
build/tests/live/faults-%: tests/live/targets/faults.c tests/live/targets/target.h $(FAULTS_H)
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) $(FAULTS_$*) -o $@ $< -lm

build/tests/live/terminate: tests/live/targets/terminate.cpp tests/live/targets/target.h $(FAULTS_H)
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 $(filter-out -std=%,$(TARGET_CFLAGS)) -o $@ $<

build/tests/live/life-static: tests/live/targets/life.c tests/live/targets/target.h
	$(Q)$(CC) $(TARGET_CFLAGS) -static -o $@ $<

# The malloc family, each time with another allocator in another place: a library, part of the program's file, all of it static.
ALLOC_jemalloc := -DNO_PVALLOC -Wl,--no-as-needed -ljemalloc
ALLOC_jemalloc-inside := -DNO_PVALLOC -l:libjemalloc.a -lstdc++ -lm
ALLOC_jemalloc-static := $(ALLOC_jemalloc-inside) -static
ALLOC_tcmalloc := -Wl,--no-as-needed -ltcmalloc_minimal
ALLOC_tcmalloc-inside := -l:libtcmalloc_minimal.a -lstdc++ -lm
ALLOC_tcmalloc-static := $(ALLOC_tcmalloc-inside) -static
ALLOC_mimalloc := -Wl,--no-as-needed -lmimalloc
ALLOC_musl := -DNO_PVALLOC
ALLOC_musl-static := -DNO_PVALLOC -static
ALLOC_static := -static
ALLOC_CC_musl := musl-gcc
ALLOC_CC_musl-static := musl-gcc
build/tests/live/alloc-%: tests/live/targets/alloc.c tests/live/targets/target.h tests/live/targets/books.h
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(or $(ALLOC_CC_$*),$(CC)) $(TARGET_CFLAGS) -o $@ $< $(ALLOC_$*)

build/tests/live/operators-%: tests/live/targets/operators.cpp
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 $(filter-out -std=%,$(TARGET_CFLAGS)) -o $@ $< $(ALLOC_$*)

# A made-up PHP engine, as a program, and as a library whose thread-local storage is of that model.
ENGINE_zts := -DTLS_MODEL='"local-exec"'
ENGINE_wrong := -DWRONG
ENGINE_unknown := -DVERSION='"9.9.1"'
ENGINE_typed := -DVERSION='"9.9.1"' -DWRONG -DWITH_TYPES
ENGINE_stripped := $(ENGINE_typed) -s
build/tests/live/engine-%: tests/live/targets/engine.c tests/live/targets/engine-main.c tests/live/targets/target.h
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -rdynamic $(ENGINE_$*) -o $@ $(filter %.c,$^)

build/tests/live/libengine-%.so: tests/live/targets/engine.c tests/live/targets/target.h
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -shared -fPIC -DTLS_MODEL='"$*"' -o $@ $<

build/tests/live/engine-initial-exec build/tests/live/engine-global-dynamic: build/tests/live/engine-%: \
	tests/live/targets/engine-main.c build/tests/live/libengine-%.so
	$(call say,TARGET,$@)
	$(Q)$(CC) $(TARGET_CFLAGS) -Wl,-rpath,'$$ORIGIN' -o $@ $^

# Programs that leak, and that only look as if they did: tests/corpus/scenarios.py.
CORPUS := build/tests/corpus/scenarios
$(CORPUS): tests/corpus/scenarios.c tests/live/targets/target.h
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -o $@ $< -lm

# A made-up Swoole, a library, laid out as two versions of it are, and as one that nobody knows; and a server that uses it.
SWOOLE_LAYOUT_5.1.8 := 5
build/tests/live/libswoole-%.so: tests/live/targets/swoole.c tests/live/targets/swoole.h
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -shared -fPIC -DVERSION='"$*"' -DLAYOUT=$(or $(SWOOLE_LAYOUT_$*),6) -o $@ $<

SWOOLE := $(addprefix build/tests/live/swoole-,5.1.8 6.2.2 9.9.9)
$(SWOOLE): build/tests/live/swoole-%: tests/live/targets/swoole-main.c build/tests/live/libswoole-%.so \
	tests/live/targets/target.h
	$(call say,TARGET,$@)
	$(Q)$(CC) $(TARGET_CFLAGS) -Wl,-rpath,'$$ORIGIN' -o $@ $(filter %.c %.so,$^)

# The stack oracle: the kernel side with two programs of its own; attach/ is compiled against it, the rest is production's.
$(BUILD)/oracle/swtrace.bpf.o: tests/oracle/oracle.bpf.c tests/oracle/point.h bpf/swtrace.bpf.c $(wildcard bpf/*.h) \
	$(wildcard vmlinux/*.h) include/swtrace/abi.h
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@.tmp $<
	$(Q)$(BPFTOOL) gen object $@ $@.tmp
	$(Q)rm -f $@.tmp

$(BUILD)/oracle/oracle.skel.h: $(BUILD)/oracle/swtrace.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name swtrace_bpf > $@.tmp && mv $@.tmp $@

ORACLE_SRC := $(filter-out %.bpf.c,$(wildcard tests/oracle/*.c)) $(wildcard src/attach/*.c)
$(BUILD)/oracle/oracle: $(ORACLE_SRC) $(wildcard tests/oracle/*.h) $(filter-out $(BUILD)/attach/%,$(LIB_OBJ)) \
	$(BUILD)/oracle/oracle.skel.h
	$(call say,ORACLE,$@)
	$(Q)$(CC) -Itests/oracle -I$(BUILD)/oracle $(CPPFLAGS) $(CFLAGS) -o $@ $(filter %.c %.o,$^) $(LDLIBS)

# The oracle's targets: optimised, without frame pointers, bound lazily.
ORACLE_TARGETS := $(patsubst %,build/tests/oracle/%,$(foreach n,0 1 2 3 4 5,libwork-$n.so) native throws)
ORACLE_CFLAGS := -g -O2 -Wall -Wextra -Werror -fomit-frame-pointer -pthread
ORACLE_LDFLAGS := -Wl,-z,lazy -Wl,-rpath,'$$ORIGIN' -ldl

build/tests/oracle/libwork-%.so: tests/oracle/targets/work.c tests/oracle/targets/work.h
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(ORACLE_CFLAGS) -DWORK=$* -fPIC -shared -o $@ $< $(ORACLE_LDFLAGS)

build/tests/oracle/native: tests/oracle/targets/native.c build/tests/oracle/libwork-0.so
	$(call say,TARGET,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(ORACLE_CFLAGS) -o $@ $^ $(ORACLE_LDFLAGS)

build/tests/oracle/throws: tests/oracle/targets/throws.cpp
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 $(ORACLE_CFLAGS) -o $@ $<

# The ledger: a program's own book of its live blocks, kept by a preloaded library, against swtrace's. The library is built
# twice: swtrace takes it for an allocator, unless its name begins with "ld-". See tests/ledger/shim.c.
LEDGER := $(BUILD)/ledger/ledger $(addprefix build/tests/ledger/,shim.so ld-shim.so churn)
$(BUILD)/ledger/ledger: tests/ledger/ledger.c tests/ledger/compare.c $(wildcard tests/ledger/*.h) $(LIB_OBJ)
	$(call say,LEDGER,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -Itests/ledger $(CPPFLAGS) $(CFLAGS) -o $@ $(filter %.c %.o,$^) $(LDLIBS)

build/tests/ledger/shim.so build/tests/ledger/ld-shim.so: tests/ledger/shim.c tests/ledger/ledger.h
	$(call say,SHIM,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -g -O2 -Wall -Wextra -Werror -fno-builtin -fPIC -shared -Wl,-z,initfirst -o $@ $<

# -fno-builtin: calls of the allocator stay what they are.
build/tests/ledger/%: tests/ledger/targets/%.c
	$(call say,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -g -O2 -Wall -Wextra -Werror -fno-builtin -pthread -o $@ $<

# Fuzz targets, each with what it tests, all of it instrumented; libelf and libdw are the system's and are not.
FUZZ := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_CFLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all
FUZZ_SRC := tests/fuzz/fuzz.c src/target/rows.c src/target/cfi.c src/util/elffile.c src/util/elfbytes.c src/util/elfimports.c \
	src/util/nametable.c
$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_SRC) $(wildcard tests/fuzz/*.h src/target/*.h src/util/*.h) include/swtrace/abi.h
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -o $@ $(filter %.c,$^) -ldw -lelf -lz
$(BUILD)/fuzz/fuzz_profile: $(wildcard src/profile/*.[ch]) src/util/strbuf.c src/util/intern.c

# PHP of other Debian releases, for the live tests: a few seconds and 20 MB of packages each, once.
ROOTS := build/roots/bullseye/ready build/roots/trixie/ready
.PHONY: roots
roots: $(ROOTS) ## fetch PHP of other Debian releases into build/roots
$(ROOTS): build/roots/%/ready:
	$(call say,ROOT,$*)
	$(Q)tests/roots/make $* $(@D)

# Without the roots the tests that need them fail, and no other.
.PHONY: check check-unit check-live fuzz
check: deps ## install what is missing, run unit tests, live tests and fuzzing (root); not what is named below
	$(Q)$(MAKE) --no-print-directory all $(UNIT) $(TARGETS) $(CORPUS) $(BUILD)/oracle/oracle $(ORACLE_TARGETS) \
		$(LEDGER) $(FUZZ)
	-$(Q)$(MAKE) --no-print-directory roots
	$(Q)tests/run $(BUILD)

check-unit: $(UNIT) ## unit tests alone (no root)
	$(Q)tests/run $(BUILD) unit

check-live: all $(TARGETS) $(CORPUS) $(BUILD)/oracle/oracle $(ORACLE_TARGETS) $(LEDGER) $(ROOTS) ## live tests alone (root)
	$(Q)tests/run $(BUILD) live

.PHONY: check-long
check-long: all $(TARGETS) $(CORPUS) ## live tests that take a minute each, or measure (root)
	$(Q)SWTRACE=$(CURDIR)/$(BUILD)/swtrace SWTRACE_LONG=1 python3 tests/live/run.py

# The tools are large, and take long to install: not a part of `make check`. Debian's own python3 has Debian's modules.
.PHONY: check-tools
check-tools: all $(TARGETS) deb ## exports, man page, completions, package, as other tools read them: a browser, zsh, lintian; the view in tmux (root)
	$(Q)./deps tools
	$(Q)SWTRACE=$(CURDIR)/$(BUILD)/swtrace /usr/bin/python3 tests/tools/run.py

# A PHP that no released Debian has: not a part of `make check`, since it may leave that suite any day.
PHP := php8.5
build/roots/$(PHP)/ready:
	$(call say,ROOT,$(PHP))
	$(Q)tests/roots/make experimental $(@D) $(PHP)
.PHONY: check-php
check-php: all build/roots/$(PHP)/ready ## live tests of frames and heap with PHP=php8.5 from Debian's experimental (root)
	$(Q)SWTRACE=$(abspath $(BUILD)/swtrace) python3 tests/live/another_php.py $(PHP) $(PHP)

.PHONY: check-corpus check-corpus-truth
check-corpus: all $(CORPUS) ## precision and recall of verdicts on 52 programs (root; 10 minutes)
	$(Q)SWTRACE=$(abspath $(BUILD)/swtrace) python3 tests/corpus/measure.py

check-corpus-truth: $(CORPUS) ## do these leak what they are said to, by their own count? (no root, seconds)
	$(Q)python3 tests/corpus/truth.py

OPERATIONS := 10000000
.PHONY: ledger
ledger: all $(LEDGER) ## the ledger's tests with OPERATIONS=10000000 random calls (root; 10 minutes)
	$(Q)LEDGER_OPERATIONS=$(OPERATIONS) SWTRACE=$(abspath $(BUILD)/swtrace) python3 tests/live/run.py ledger

SECONDS := 60
fuzz: $(FUZZ) ## feed damaged ELF files to their readers for SECONDS=60 (no root)
	$(Q)tests/run $(BUILD) fuzz=$(SECONDS)

KERNELS := 6.1 6.12
.PHONY: kernels
kernels: all $(TARGETS) $(BUILD)/oracle/oracle $(ORACLE_TARGETS) $(LEDGER) ## live tests under KERNELS="6.1 6.12", emulated (10 minutes)
	$(Q)./deps kernels
	$(Q)tests/kernels/run $(BUILD) $(KERNELS)

# ---- measurements ----------------------------------------------------------------------------------------------------

# The kernel side with programs of the bench's own, or with empty ones; attach/ is compiled against it, the rest is
# production's.
$(BUILD)/bench/swtrace.bpf.o: tests/bench/stack.bpf.c
$(BUILD)/floor/swtrace.bpf.o: tests/bench/floor.bpf.c
$(BUILD)/bench/swtrace.bpf.o $(BUILD)/floor/swtrace.bpf.o: bpf/swtrace.bpf.c $(wildcard bpf/*.h) $(wildcard vmlinux/*.h) \
	include/swtrace/abi.h
	$(call say,BPF,$(filter tests/%.bpf.c,$^))
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@.tmp $(filter tests/%.bpf.c,$^)
	$(Q)$(BPFTOOL) gen object $@ $@.tmp
	$(Q)rm -f $@.tmp

$(BUILD)/floor/floor.skel.h: $(BUILD)/floor/swtrace.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name swtrace_bpf > $@.tmp && mv $@.tmp $@

$(BUILD)/bench/stack: $(BUILD)/bench/swtrace.skel.h
$(BUILD)/bench/stack: BENCH_INCLUDE := -I$(BUILD)/bench
$(BUILD)/bench/floor: $(BUILD)/floor/floor.skel.h tests/bench/floor/swtrace.skel.h
$(BUILD)/bench/floor: BENCH_INCLUDE := -Itests/bench/floor -I$(BUILD)/floor
$(BUILD)/bench/stack $(BUILD)/bench/floor: $(BUILD)/bench/%: tests/bench/%.c $(wildcard src/attach/*.c) \
	$(filter-out $(BUILD)/attach/%,$(LIB_OBJ)) tests/bench/probe.h
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_INCLUDE) -Itests/bench $(CPPFLAGS) $(CFLAGS) -o $@ $(filter %.c %.o,$^) $(LDLIBS)

BENCH_CFLAGS := -std=gnu11 -D_GNU_SOURCE -g -O2 -Wall -Wextra -Werror -fcf-protection=none
$(BUILD)/bench/target-%: tests/bench/target.c tests/live/targets/target.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -f$*-frame-pointer -o $@ $<

# Two static copies of pairs: two files, so that they can be traced at the same time without hitting each other's probes.
BENCH_WORK := $(addprefix build/bench/work/,pairs threads stacks pairs-few pairs-many)
build/bench/work/pairs-few build/bench/work/pairs-many: BENCH_LDFLAGS := -static
$(filter %/pairs %/pairs-few %/pairs-many,$(BENCH_WORK)): tests/bench/work/pairs.c
$(filter %/threads %/stacks,$(BENCH_WORK)): build/bench/work/%: tests/bench/work/%.c
$(BENCH_WORK): tests/bench/work/work.h tests/live/targets/target.h
	$(call say,WORK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -fomit-frame-pointer -pthread $(BENCH_LDFLAGS) -o $@ $(filter %.c,$^)

build/roots/memleak/ready:
	$(call say,ROOT,memleak)
	$(Q)tests/roots/make trixie $(@D) libbpf-tools usr/sbin/memleak-libbpf

.PHONY: bench bench-stack bench-windows
bench: ## measure cost and write docs/benchmarks.md (root; 12 minutes, 3 GiB)
	$(Q)./deps
	$(Q)./deps bench
	$(Q)$(MAKE) -s --no-print-directory all $(BUILD)/bench/floor $(BENCH_WORK) build/roots/memleak/ready
	$(Q)python3 tests/bench/run.py
	$(Q)$(MAKE) -s --no-print-directory bench-stack

STACK_TARGETS := $(BUILD)/bench/target-no-omit $(BUILD)/bench/target-omit
bench-stack: $(BUILD)/bench/stack $(STACK_TARGETS) ## measure what a stack costs (root; 2 minutes)
	$(Q)$< $(STACK_TARGETS)

bench-windows: all ## measure what --overhead costs a busy PHP worker (root; 12 minutes)
	$(Q)SWTRACE=$(abspath $(BUILD)/swtrace) python3 tests/bench/windows.py 8 8 2 10

# ---- habits ----------------------------------------------------------------------------------------------------------

C_FILES := $(wildcard src/*/*.[ch] bpf/*.[ch] include/swtrace/*.h vmlinux/*.h tests/*/*.c tests/*/*.h tests/live/targets/*.c \
	tests/bench/*/*.[ch] manual/*.c)

.PHONY: lint format
# cppcheck sees no system headers, so two macros of libbpf's are explained to it.
CPPCHECK_MACROS := '-DLIBBPF_OPTS(type,name,...)=struct type name={0}' \
	'-Dbpf_object__for_each_program(p,o)=while((p=next_program(o)))'

# How much of a function the analyzer explores: its own 225,000 take four times as long, and have found no more.
LINT_NODES := 60000
TIDY_NODES = $(addprefix --extra-arg=,-Xclang -analyzer-config -Xclang max-nodes=$(LINT_NODES))

lint: $(BUILD)/swtrace.skel.h $(BUILD)/trial.skel.h $(BUILD)/pprof.pb-c.h ## style, includes, clang-tidy, cppcheck
	$(Q)tests/lint/includes.sh
	$(Q)clang-format --dry-run -Werror $(C_FILES)
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
		--inline-suppr --suppress=missingIncludeSystem -Isrc -Iinclude -D_GNU_SOURCE $(CPPCHECK_MACROS) src
	$(Q)printf '%s\n' $(filter-out src/attach/%,$(SRC)) | xargs -P "$$(nproc)" -I{} \
		clang-tidy --quiet $(TIDY_NODES) {} -- $(CPPFLAGS) -std=gnu11
	# The generated skeleton, which attach/ includes, looks to the analyzer as if it leaked.
	$(Q)printf '%s\n' $(filter src/attach/%,$(SRC)) | xargs -P "$$(nproc)" -I{} \
		clang-tidy --quiet $(TIDY_NODES) --checks=-clang-analyzer-unix.Malloc {} -- $(CPPFLAGS) -std=gnu11

format: ## put the files into shape
	$(Q)clang-format -i $(C_FILES)

# ---- for people ------------------------------------------------------------------------------------------------------

.PHONY: demo deps install uninstall deb clean help
demo: deps ## trace a leaking, then crashing, PHP worker: under a minute
	$(Q)$(MAKE) --no-print-directory all
	$(Q)demo/run

deps: ## install what is missing, or list it
	$(Q)./deps

# ZSHDIR is not the same everywhere: Debian's own packages use $(PREFIX)/share/zsh/vendor-completions.
SHARE := $(DESTDIR)$(PREFIX)/share
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
DOCS := README.md $(wildcard docs/*.md) $(shell find deploy -type f)
install: $(BUILD)/swtrace $(MANUAL) ## install to $(DESTDIR)$(PREFIX)
	$(Q)install -D -m 755 $(BUILD)/swtrace $(DESTDIR)$(PREFIX)/sbin/swtrace
	$(Q)install -D -m 644 $(BUILD)/swtrace.8 $(SHARE)/man/man8/swtrace.8
	$(Q)install -D -m 644 $(BUILD)/completions/swtrace.bash $(SHARE)/bash-completion/completions/swtrace
	$(Q)install -D -m 644 $(BUILD)/completions/_swtrace $(DESTDIR)$(ZSHDIR)/_swtrace
	$(Q)install -D -m 644 $(BUILD)/completions/swtrace.fish $(SHARE)/fish/vendor_completions.d/swtrace.fish
	$(Q)for doc in $(DOCS); do install -D -m 644 $$doc $(SHARE)/doc/swtrace/$$doc || exit 1; done

uninstall: ## remove what install has put there
	$(Q)rm -f $(DESTDIR)$(PREFIX)/sbin/swtrace $(SHARE)/man/man8/swtrace.8 $(DESTDIR)$(ZSHDIR)/_swtrace \
		$(SHARE)/bash-completion/completions/swtrace $(SHARE)/fish/vendor_completions.d/swtrace.fish
	$(Q)rm -rf $(SHARE)/doc/swtrace

deb: ## build build/deb/swtrace_$(VERSION)_amd64.deb, with Debian's own tools
	$(Q)packaging/deb $(VERSION)

clean: ## remove what was built
	rm -rf build build-san swtrace

help: ## list the targets
	$(Q)sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

-include $(OBJ:.o=.d) $(UNIT:=.d) $(BUILD)/generate.d
