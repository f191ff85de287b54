/* The second object of header.c. */

#define SECOND
#include "header.c"
