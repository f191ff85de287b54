/* How the wmlb command comes by passphrases and secret keys. */
#ifndef WMLB_SECRET_H
#define WMLB_SECRET_H

#include <stdbool.h>
#include <wmlb.h>

/* Sets the passphrase to the first line of a file, or of standard input for "-": a terminal is
 * asked for it, unseen, and twice when it is a new one. 0, or 1 when it has said what went wrong;
 * *hr is what the library says. A signal that asks for the end ends it. */
int set_passphrase(const char *path, bool is_new, wmlb_hresult *hr);

/* Sets the identities to the contents of files, NULL after the last; "-" is standard input. */
int set_identities(const char *const *paths, wmlb_hresult *hr);

#endif
