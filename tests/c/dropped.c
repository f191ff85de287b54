/* Drops a result that matters: compilers are to warn, and tests/c/run.sh looks for that. */

#include "wmlb.h"

int main(void)
{
    wmlb_remove_all_props();
    return 0;
}
