# Daily work. The build itself is Meson's; ./run and ./test are for a fresh machine.
BUILD ?= build
C_FILES = $(shell git ls-files 'src/*.c' 'src/*.h' 'bench/*.c')

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

check: all
	meson test -C $(BUILD) --print-errorlogs

test:
	./test

bench: all
	bench/run

fuzz:
	tests/fuzz $(SECONDS)

scan: all
	tools/install packages-scan
	MACHI_BIN=$(BUILD)/machi node --test tests/scan/*.test.mjs

format:
	clang-format -i $(C_FILES)

# varFuncNullUB: NULL is a pointer wherever this is built.
lint: all
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr -j2 \
		--suppress=unknownMacro --suppress=varFuncNullUB -Isrc src
	shellcheck -x -S warning run test tools/install tests/fuzz tests/lib/*.sh .ci/run
	! command -v clang-tidy >/dev/null || git ls-files 'src/*.c' | grep -vE '/(test|fuzz)_' | \
		xargs -P2 -n8 clang-tidy -p $(BUILD) --quiet

install: all
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

docs: # is each example of the documentation still true?
	@[ -d node_modules ] || npm ci --silent --no-audit --no-fund
	@$(MAKE) --no-print-directory all
	MACHI_BIN=$(BUILD)/machi node --test tests/http/docs.test.mjs

help:
	@echo "make          builds $(BUILD)/machi"
	@echo "make check    runs the unit tests; ./test runs everything"
	@echo "make bench    prints the tables of docs/benchmarks.md"
	@echo "make fuzz     runs the fuzz targets; SECONDS=60 for each"
	@echo "make scan     looks at the running server with wapiti and testssl.sh"
	@echo "make lint     looks for mistakes; make format puts the C in shape"
	@echo "make docs     tries the examples of the documentation"
	@echo "make install  installs the program and its systemd unit; DESTDIR= for packages"
	@echo "make clean    removes what was built"

clean:
	rm -rf build build-*

.PHONY: all check test bench fuzz scan format lint docs help install clean
