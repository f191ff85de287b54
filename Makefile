# Builds and installs the library, its headers and the wmlb command, on Linux.
#
#     make
#     make install [DESTDIR=...] [PREFIX=/usr/local] [LIBDIR=...]
#     make uninstall, with the same
#     make docs
#
# After make, make install builds nothing. A library that packaging/build.sh has built already,
# here or elsewhere: make install DIST=that/dist

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
USERUNITDIR ?= $(PREFIX)/lib/systemd/user
DOCDIR ?= $(PREFIX)/share/doc/wmlb
INSTALL ?= install
CFLAGS ?= -O2
# As the parts of the library in C are built.
hardening := -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
CXXFLAGS ?= -O2

version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
major := $(firstword $(subst ., ,$(version)))
made := $(or $(CARGO_TARGET_DIR),target)/package
headers := $(wildcard include/*.h include/*.hpp)
sdk_headers := $(wildcard include/wmsdk/*.h include/wmsdk/*/*.h include/wmsdk/*/*.hpp include/wmsdk/*/*/*.h)
# rustc --print native-static-libs; a test compares.
libs_private := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
root := $(DESTDIR)
comma := ,
documents := README.md CHANGELOG.md SECURITY.md LICENSE-MIT LICENSE-APACHE $(made)/THIRD-PARTY.txt

all: $(made)/libwmlb.a $(made)/wmlb $(made)/libwmvcore.so $(made)/man3/wmlb.3 \
	$(made)/THIRD-PARTY.txt

ifeq ($(DIST),)
DIST := $(or $(CARGO_TARGET_DIR),target)/dist
library := $(made)/built
$(library): $(shell find src -name '*.rs') Cargo.toml Cargo.lock build.rs packaging/build.sh
	sh packaging/build.sh
	mkdir -p '$(made)'
	touch '$@'
endif

$(made)/libwmlb.a: $(library) $(wildcard $(DIST)/libwmlb.a) packaging/localize.sh
	mkdir -p '$(made)'
	sh packaging/localize.sh '$(DIST)/libwmlb.a' '$@'

# The command finds its library beside it, wherever both are moved to; RPATH= leaves that to the
# system.
space := $(subst ,, )
up = $(subst $(space),/,$(patsubst %,..,$(subst /, ,$(1))))
RPATH ?= $(if $(and $(filter $(PREFIX)/%,$(LIBDIR)),$(filter $(PREFIX)/%,$(BINDIR))),$$ORIGIN/$(call \
	up,$(BINDIR:$(PREFIX)/%=%))/$(LIBDIR:$(PREFIX)/%=%),$(LIBDIR))
$(made)/rpath: always
	@mkdir -p '$(made)'
	@echo '$(RPATH)' | cmp -s - '$@' || echo '$(RPATH)' >'$@'

$(made)/wmlb: $(wildcard cli/*.[ch]) $(headers) $(library) $(made)/rpath
	mkdir -p '$(made)'
	$(CC) -std=c11 -pthread -Wall -Wextra -Wpedantic -D_FILE_OFFSET_BITS=64 $(hardening) $(CPPFLAGS) $(CFLAGS) \
		-Iinclude $(filter %.c,$^) -pie -Wl,-z,relro,-z,now \
		$(if $(RPATH),-Wl$(comma)-rpath$(comma)'$(RPATH)') $(LDFLAGS) -L'$(DIST)' -lwmlb -o '$@'

# A page for everything in wmlb.h.
PYTHON ?= python3
$(made)/man3/wmlb.3: include/wmlb.h packaging/wmlb.1 docs/reference/header.py docs/reference/man.py
	rm -rf '$(made)/man3'
	$(PYTHON) docs/reference/man.py '$(made)/man3'

# The licenses of what is in the library: a source archive has it; in a clone, cargo knows them.
$(made)/THIRD-PARTY.txt: Cargo.lock packaging/crates.py $(wildcard THIRD-PARTY.txt)
	mkdir -p '$(made)'
	if [ -e THIRD-PARTY.txt ]; then cat THIRD-PARTY.txt; elif command -v cargo >/dev/null; \
		then $(PYTHON) packaging/crates.py notices; \
		else echo 'Cargo.lock names the crates that are in the library.'; fi >'$@.new'
	mv '$@.new' '$@'

# The site of the documents, in $(made)/site; only the first run needs the network, for Sphinx.
SPHINX_BUILD ?= $(made)/sphinx/bin/sphinx-build
$(made)/sphinx/bin/sphinx-build: docs/reference/requirements.txt
	$(PYTHON) -m venv '$(made)/sphinx'
	'$(made)/sphinx/bin/pip' install --quiet --requirement docs/reference/requirements.txt
	touch '$@'
docs: $(SPHINX_BUILD)
	$(PYTHON) docs/reference/site_pages.py '$(made)/site-source'
	'$(SPHINX_BUILD)' -q -n -W --keep-going -b html '$(made)/site-source' '$(made)/site'

# The object of the SDK for callers by COM; the sources with strings are compiled for both sizes.
wmvcore := object-utf16 object-utf32 strings-utf16 strings-utf32 kernel
wmvcore: $(made)/libwmvcore.so
$(made)/%-utf16.o: wmvcore/%.cpp $(headers) $(sdk_headers)
	mkdir -p '$(made)'
	$(CXX) $(compile_wmvcore) -DWMLB_WMSDK_UTF16 -c '$<' -o '$@'
$(made)/%-utf32.o: wmvcore/%.cpp $(headers) $(sdk_headers)
	mkdir -p '$(made)'
	$(CXX) $(compile_wmvcore) -c '$<' -o '$@'
$(made)/kernel.o: wmvcore/kernel.cpp $(headers) $(sdk_headers)
	mkdir -p '$(made)'
	$(CXX) $(compile_wmvcore) -c '$<' -o '$@'
compile_wmvcore = -std=c++11 -Wall -Wextra -Wpedantic -fPIC -fno-exceptions -fno-rtti -pthread \
	$(CPPFLAGS) $(CXXFLAGS) -Iinclude
$(made)/libwmvcore.so: $(wmvcore:%=$(made)/%.o) wmvcore/wmvcore.map $(library)
	$(CXX) -shared -pthread $(LDFLAGS) -Wl,-soname,libwmvcore.so.$(major) -Wl,-z,nodelete -Wl,-z,defs \
		-Wl,--version-script=wmvcore/wmvcore.map $(wmvcore:%=$(made)/%.o) -L'$(DIST)' -lwmlb -o '$@'

# The same for programs of Winelib, whose calls are those of Windows: make wmvcore-winelib
WINE_INCLUDE ?= /usr/include/wine/wine/windows
wmvcore-winelib: $(made)/libwmvcore-winelib.so
$(made)/libwmvcore-winelib.so: wmvcore/object.cpp wmvcore/wmvcore.map $(headers) $(sdk_headers) $(library)
	mkdir -p '$(made)'
	$(CXX) $(compile_wmvcore) -isystem '$(WINE_INCLUDE)' -shared $(LDFLAGS) -Wl,-soname,libwmvcore-winelib.so.$(major) \
		-Wl,-z,nodelete -Wl,-z,defs -Wl,--version-script=wmvcore/wmvcore.map '$<' -L'$(DIST)' -lwmlb -o '$@'

fill = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@MAJOR@|$(major)|g' -e 's|@VERSION@|$(version)|g' \
	-e "s|@POINTER@|$$(($$(getconf LONG_BIT) / 8))|g"
# What was installed may be moved as a whole: folders below PREFIX are found from the files.
for_pc = -e 's|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=$${prefix}/%)|' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR:$(PREFIX)/%=$${prefix}/%)|'
here := $${CMAKE_CURRENT_LIST_DIR}
above := $(call up,$(LIBDIR:$(PREFIX)/%=%/cmake/wmlb))
cmake_include := $(if $(filter $(PREFIX)/%,$(LIBDIR)),$(INCLUDEDIR:$(PREFIX)/%=$(here)/$(above)/%),$(INCLUDEDIR))
for_cmake = -e 's|@LIBDIR@|$(here)/../..|' -e 's|@INCLUDEDIR@|$(cmake_include)|'

install: all
	$(INSTALL) -d '$(root)$(BINDIR)' '$(root)$(LIBDIR)/pkgconfig' '$(root)$(LIBDIR)/cmake/wmlb' \
		'$(root)$(INCLUDEDIR)' '$(root)$(MANDIR)/man1' '$(root)$(MANDIR)/man3' '$(root)$(COMPLETIONDIR)' '$(root)$(ZSHDIR)' \
		'$(root)$(FISHDIR)' '$(root)$(USERUNITDIR)' '$(root)$(DOCDIR)'
	$(INSTALL) -m 755 '$(DIST)/libwmlb.so.$(version)' '$(root)$(LIBDIR)/'
	ln -sf 'libwmlb.so.$(version)' '$(root)$(LIBDIR)/libwmlb.so.$(major)'
	ln -sf 'libwmlb.so.$(major)' '$(root)$(LIBDIR)/libwmlb.so'
	$(INSTALL) -m 755 '$(made)/libwmvcore.so' '$(root)$(LIBDIR)/libwmvcore.so.$(version)'
	ln -sf 'libwmvcore.so.$(version)' '$(root)$(LIBDIR)/libwmvcore.so.$(major)'
	ln -sf 'libwmvcore.so.$(major)' '$(root)$(LIBDIR)/libwmvcore.so'
	$(INSTALL) -m 644 '$(made)/libwmlb.a' '$(root)$(LIBDIR)/'
	$(INSTALL) -m 644 $(headers) '$(root)$(INCLUDEDIR)/'
	for header in $(sdk_headers:include/%=%); do \
		$(INSTALL) -D -m 644 "include/$$header" '$(root)$(INCLUDEDIR)'"/$$header" || exit; done
	$(fill) $(for_pc) -e 's|@LIBS_PRIVATE@|$(libs_private)|' packaging/wmlb.pc.in >'$(root)$(LIBDIR)/pkgconfig/wmlb.pc'
	$(fill) $(for_pc) packaging/wmlb-wmsdk.pc.in >'$(root)$(LIBDIR)/pkgconfig/wmlb-wmsdk.pc'
	$(fill) $(for_cmake) -e "s|@LIBS_PRIVATE@|$$(echo '$(libs_private)' | sed 's/ /;/g')|" \
		packaging/wmlbConfig.cmake.in >'$(root)$(LIBDIR)/cmake/wmlb/wmlbConfig.cmake'
	$(fill) packaging/wmlbConfigVersion.cmake.in >'$(root)$(LIBDIR)/cmake/wmlb/wmlbConfigVersion.cmake'
	$(INSTALL) -m 755 '$(made)/wmlb' '$(root)$(BINDIR)/'
	$(INSTALL) -m 644 packaging/wmlb.1 '$(root)$(MANDIR)/man1/'
	$(INSTALL) -m 644 '$(made)'/man3/*.3 '$(root)$(MANDIR)/man3/'
	$(INSTALL) -m 644 packaging/completions/wmlb.bash '$(root)$(COMPLETIONDIR)/wmlb'
	$(INSTALL) -m 644 packaging/completions/_wmlb '$(root)$(ZSHDIR)/'
	$(INSTALL) -m 644 packaging/completions/wmlb.fish '$(root)$(FISHDIR)/'
	$(INSTALL) -m 644 packaging/systemd/wmlb-backup.timer '$(root)$(USERUNITDIR)/'
	for unit in wmlb-backup.service wmlb-watch@.service; do \
		sed 's|@BINDIR@|$(BINDIR)|g' "packaging/systemd/$$unit.in" >'$(root)$(USERUNITDIR)'"/$$unit" || exit; done
	$(INSTALL) -m 644 $(documents) '$(root)$(DOCDIR)/'
	-[ -n '$(root)' ] || [ "$$(id -u)" != 0 ] || PATH="$$PATH:/usr/sbin:/sbin" ldconfig

uninstall:
	rm -f '$(root)$(BINDIR)/wmlb' '$(root)$(MANDIR)/man1/wmlb.1' '$(root)$(COMPLETIONDIR)/wmlb' \
		'$(root)$(LIBDIR)/libwmlb.so.$(version)' '$(root)$(LIBDIR)/libwmlb.so.$(major)' \
		'$(root)$(LIBDIR)/libwmlb.so' '$(root)$(LIBDIR)/libwmlb.a' '$(root)$(LIBDIR)/pkgconfig/wmlb.pc'
	rm -f '$(root)$(LIBDIR)/libwmvcore.so.$(version)' '$(root)$(LIBDIR)/libwmvcore.so.$(major)' \
		'$(root)$(LIBDIR)/libwmvcore.so' '$(root)$(LIBDIR)/pkgconfig/wmlb-wmsdk.pc'
	rm -f $(patsubst include/%,'$(root)$(INCLUDEDIR)/%',$(headers))
	rm -f '$(root)$(ZSHDIR)/_wmlb' '$(root)$(FISHDIR)/wmlb.fish' \
		'$(root)$(USERUNITDIR)/wmlb-backup.service' '$(root)$(USERUNITDIR)/wmlb-backup.timer' \
		'$(root)$(USERUNITDIR)/wmlb-watch@.service'
	rm -f '$(root)$(MANDIR)'/man3/wmlb.3 '$(root)$(MANDIR)'/man3/wmlb_*.3 '$(root)$(MANDIR)'/man3/WMLB_*.3
	rm -rf '$(root)$(INCLUDEDIR)/wmsdk' '$(root)$(DOCDIR)'
	rm -rf '$(root)$(LIBDIR)/cmake/wmlb'

# What is checked in, from the help of the command: a test compares.
completions: $(made)/wmlb
	LD_LIBRARY_PATH='$(DIST)' python3 packaging/completions.py '$(made)/wmlb' packaging/completions

# The picture in the README, of the command at work: a test compares.
picture: $(made)/wmlb
	LD_LIBRARY_PATH='$(DIST)' $(PYTHON) docs/picture.py '$(made)' docs/picture.svg

clean:
	rm -rf '$(made)'

.PHONY: all always completions docs picture wmvcore wmvcore-winelib install uninstall clean
