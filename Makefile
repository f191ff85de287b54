# Builds and installs the library, its headers and the wmlb command, on Linux.
#
#     make
#     make install [DESTDIR=...] [PREFIX=/usr/local] [LIBDIR=...]
#     make uninstall, with the same
#
# A library that tests/build-library.sh has built elsewhere: make install DIST=that/dist

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
own_dist := $(or $(CARGO_TARGET_DIR),target)/dist
DIST ?= $(own_dist)
made := $(or $(CARGO_TARGET_DIR),target)/package
headers := $(wildcard include/*.h include/*.hpp)
# rustc --print native-static-libs; a test compares.
libs_private := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
root := $(DESTDIR)

all: $(made)/libwmlb.a $(made)/wmlb

ifeq ($(DIST),$(own_dist))
# Cargo knows what is to be built again.
library:
	sh tests/build-library.sh
else
library:
endif

$(made)/libwmlb.a: library
	mkdir -p '$(made)'
	sh packaging/localise.sh '$(DIST)/libwmlb.a' '$@'

$(made)/wmlb: examples-c/wmlb.c $(headers) library
	mkdir -p '$(made)'
	$(CC) -std=c11 -Wall -Wextra -Wpedantic $(CPPFLAGS) $(CFLAGS) -Iinclude $< $(LDFLAGS) \
		-L'$(DIST)' -lwmlb -o '$@'

fill = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@MAJOR@|$(major)|g' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' -e 's|@VERSION@|$(version)|g' \
	-e "s|@POINTER@|$$(($$(getconf LONG_BIT) / 8))|g"

install: all
	$(INSTALL) -d '$(root)$(BINDIR)' '$(root)$(LIBDIR)/pkgconfig' '$(root)$(LIBDIR)/cmake/wmlb' \
		'$(root)$(INCLUDEDIR)' '$(root)$(MANDIR)/man1' '$(root)$(COMPLETIONDIR)'
	$(INSTALL) -m 755 '$(DIST)/libwmlb.so.$(version)' '$(root)$(LIBDIR)/'
	ln -sf 'libwmlb.so.$(version)' '$(root)$(LIBDIR)/libwmlb.so.$(major)'
	ln -sf 'libwmlb.so.$(major)' '$(root)$(LIBDIR)/libwmlb.so'
	$(INSTALL) -m 644 '$(made)/libwmlb.a' '$(root)$(LIBDIR)/'
	$(INSTALL) -m 644 $(headers) '$(root)$(INCLUDEDIR)/'
	$(fill) -e 's|@LIBS_PRIVATE@|$(libs_private)|' packaging/wmlb.pc.in >'$(root)$(LIBDIR)/pkgconfig/wmlb.pc'
	$(fill) -e "s|@LIBS_PRIVATE@|$$(echo '$(libs_private)' | sed 's/ /;/g')|" \
		packaging/wmlbConfig.cmake.in >'$(root)$(LIBDIR)/cmake/wmlb/wmlbConfig.cmake'
	$(fill) packaging/wmlbConfigVersion.cmake.in >'$(root)$(LIBDIR)/cmake/wmlb/wmlbConfigVersion.cmake'
	$(INSTALL) -m 755 '$(made)/wmlb' '$(root)$(BINDIR)/'
	$(INSTALL) -m 644 packaging/wmlb.1 '$(root)$(MANDIR)/man1/'
	$(INSTALL) -m 644 packaging/wmlb.bash '$(root)$(COMPLETIONDIR)/wmlb'

uninstall:
	rm -f '$(root)$(BINDIR)/wmlb' '$(root)$(MANDIR)/man1/wmlb.1' '$(root)$(COMPLETIONDIR)/wmlb' \
		'$(root)$(LIBDIR)/libwmlb.so.$(version)' '$(root)$(LIBDIR)/libwmlb.so.$(major)' \
		'$(root)$(LIBDIR)/libwmlb.so' '$(root)$(LIBDIR)/libwmlb.a' '$(root)$(LIBDIR)/pkgconfig/wmlb.pc'
	rm -f $(patsubst include/%,'$(root)$(INCLUDEDIR)/%',$(headers))
	rm -rf '$(root)$(LIBDIR)/cmake/wmlb'

clean:
	rm -rf '$(made)'

.PHONY: all library install uninstall clean
