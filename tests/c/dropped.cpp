// Drops an operation, which cancels it: compilers are to warn, and tests/c/run.sh looks for that.

#include "wmlb.hpp"

void drop(wmlb::restorer &restorer)
{
    restorer.backup();
}
