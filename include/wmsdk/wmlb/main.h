/*
 * wmain(), where programs for Windows begin that take their arguments as WCHARs, and _tmain() with
 * UNICODE: a main() is made before its definition that calls it, with arguments and environment
 * that are UTF-8 turned into WCHARs. A wmain() is defined, not declared before.
 */

#ifndef WMLB_WMSDK_MAIN_H
#define WMLB_WMSDK_MAIN_H

#include <stdlib.h>

#include "strings.h"

/* An array of copies that ends with NULL, which lives as long as the program does. */
WMLB_INLINE WCHAR **wmlb_wide_strings(char **strings)
{
    WCHAR **wide;
    size_t count = 0, i;
    while (strings[count] != NULL)
        count++;
    wide = (WCHAR **)calloc(count + 1, sizeof(WCHAR *));
    for (i = 0; wide != NULL && i < count; i++) {
        const int length = MultiByteToWideChar(CP_UTF8, 0, strings[i], -1, NULL, 0);
        wide[i] = (WCHAR *)calloc((size_t)length, sizeof(WCHAR));
        if (wide[i] == NULL)
            return NULL;
        MultiByteToWideChar(CP_UTF8, 0, strings[i], -1, wide[i], length);
    }
    return wide;
}

/* A program that takes fewer arguments is not disturbed by those it does not. */
WMLB_INLINE int wmlb_call_wmain(void (*program)(void), int count, char **strings, char **variables)
{
    WCHAR **const arguments = wmlb_wide_strings(strings);
    WCHAR **const environment = wmlb_wide_strings(variables);
    if (arguments == NULL || environment == NULL)
        return EXIT_FAILURE;
    return ((int (*)(int, WCHAR **, WCHAR **))program)(count, arguments, environment);
}

#ifndef wmain
#define wmain(...)                                                                      \
    wmlb_wmain(__VA_ARGS__);                                                            \
    int main(int wmlb_count, char **wmlb_arguments, char **wmlb_environment)            \
    {                                                                                   \
        return wmlb_call_wmain((void (*)(void))wmlb_wmain, wmlb_count, wmlb_arguments,  \
                               wmlb_environment);                                       \
    }                                                                                   \
    int wmlb_wmain(__VA_ARGS__)
#endif

#endif
