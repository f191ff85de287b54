# Builds and installs the library, its headers and the wmlb command, on Linux.
#
#     make
#     make install [DESTDIR=...] [PREFIX=/usr/local] [LIBDIR=...]
#     make uninstall, with the same
#
# After make, make install builds nothing. A library that packaging/build.sh has built already,
# here or elsewhere: make install DIST=that/dist

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
INSTALL ?= install
CFLAGS ?= -O2

version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
major := $(firstword $(subst ., ,$(version)))
made := $(or $(CARGO_TARGET_DIR),target)/package
headers := $(wildcard include/*.h include/*.hpp)
# rustc --print native-static-libs; a test compares.
libs_private := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
root := $(DESTDIR)

all: $(made)/libwmlb.a $(made)/wmlb

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

$(made)/wmlb: $(wildcard cli/*.[ch]) $(headers) $(library)
	mkdir -p '$(made)'
	$(CC) -std=c11 -Wall -Wextra -Wpedantic $(CPPFLAGS) $(CFLAGS) -Iinclude $(filter %.c,$^) $(LDFLAGS) \
		-L'$(DIST)' -lwmlb -o '$@'

fill = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@MAJOR@|$(major)|g' -e 's|@VERSION@|$(version)|g' \
	-e "s|@POINTER@|$$(($$(getconf LONG_BIT) / 8))|g"
# What was installed may be moved as a whole: folders below PREFIX are found from the files.
for_pc = -e 's|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=$${prefix}/%)|' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR:$(PREFIX)/%=$${prefix}/%)|'
here := $${CMAKE_CURRENT_LIST_DIR}
space := $(subst ,, )
above := $(subst $(space),/,$(patsubst %,..,$(subst /, ,$(LIBDIR:$(PREFIX)/%=%/cmake/wmlb))))
cmake_include := $(if $(filter $(PREFIX)/%,$(LIBDIR)),$(INCLUDEDIR:$(PREFIX)/%=$(here)/$(above)/%),$(INCLUDEDIR))
for_cmake = -e 's|@LIBDIR@|$(here)/../..|' -e 's|@INCLUDEDIR@|$(cmake_include)|'

install: all
	$(INSTALL) -d '$(root)$(BINDIR)' '$(root)$(LIBDIR)/pkgconfig' '$(root)$(LIBDIR)/cmake/wmlb' \
		'$(root)$(INCLUDEDIR)' '$(root)$(MANDIR)/man1' '$(root)$(COMPLETIONDIR)'
	$(INSTALL) -m 755 '$(DIST)/libwmlb.so.$(version)' '$(root)$(LIBDIR)/'
	ln -sf 'libwmlb.so.$(version)' '$(root)$(LIBDIR)/libwmlb.so.$(major)'
	ln -sf 'libwmlb.so.$(major)' '$(root)$(LIBDIR)/libwmlb.so'
	$(INSTALL) -m 644 '$(made)/libwmlb.a' '$(root)$(LIBDIR)/'
	$(INSTALL) -m 644 $(headers) '$(root)$(INCLUDEDIR)/'
	$(fill) $(for_pc) -e 's|@LIBS_PRIVATE@|$(libs_private)|' packaging/wmlb.pc.in >'$(root)$(LIBDIR)/pkgconfig/wmlb.pc'
	$(fill) $(for_cmake) -e "s|@LIBS_PRIVATE@|$$(echo '$(libs_private)' | sed 's/ /;/g')|" \
		packaging/wmlbConfig.cmake.in >'$(root)$(LIBDIR)/cmake/wmlb/wmlbConfig.cmake'
	$(fill) packaging/wmlbConfigVersion.cmake.in >'$(root)$(LIBDIR)/cmake/wmlb/wmlbConfigVersion.cmake'
	$(INSTALL) -m 755 '$(made)/wmlb' '$(root)$(BINDIR)/'
	$(INSTALL) -m 644 packaging/wmlb.1 '$(root)$(MANDIR)/man1/'
	$(INSTALL) -m 644 packaging/wmlb.bash '$(root)$(COMPLETIONDIR)/wmlb'
	-[ -n '$(root)' ] || [ "$$(id -u)" != 0 ] || PATH="$$PATH:/usr/sbin:/sbin" ldconfig

uninstall:
	rm -f '$(root)$(BINDIR)/wmlb' '$(root)$(MANDIR)/man1/wmlb.1' '$(root)$(COMPLETIONDIR)/wmlb' \
		'$(root)$(LIBDIR)/libwmlb.so.$(version)' '$(root)$(LIBDIR)/libwmlb.so.$(major)' \
		'$(root)$(LIBDIR)/libwmlb.so' '$(root)$(LIBDIR)/libwmlb.a' '$(root)$(LIBDIR)/pkgconfig/wmlb.pc'
	rm -f $(patsubst include/%,'$(root)$(INCLUDEDIR)/%',$(headers))
	rm -rf '$(root)$(LIBDIR)/cmake/wmlb'

clean:
	rm -rf '$(made)'

.PHONY: all install uninstall clean
