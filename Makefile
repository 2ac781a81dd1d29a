# Daily work. The build itself is Meson's.
BUILD ?= build

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

check: all
	meson test -C $(BUILD) --print-errorlogs

clean:
	rm -rf build build-*

.PHONY: all check clean
