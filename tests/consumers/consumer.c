/* What a project that uses the library needs of its installation: header, library, no more. */
#include <stdio.h>
#include <string.h>
#include <wmlb.h>

int main(void)
{
    puts(wmlb_version());
    return strcmp(wmlb_version(), WMLB_VERSION) != 0 || wmlb_abi_version() != WMLB_ABI_VERSION;
}
