/* A C program as they are written for Windows, whose arguments and environment are wide.
 * usage: NAME=VALUE wmain ARGUMENT VALUE; the value is that of NAME */
#include <windows.h>
#include <stdio.h>
#include <wchar.h>

int wmain(int argc, wchar_t *argv[], wchar_t *envp[])
{
    int i, found = 0;

    if (argc != 3 || argv[3] != NULL)
        return 2;
    for (i = 0; envp[i] != NULL; i++)
        if (wcsncmp(envp[i], L"NAME=", 5) == 0)
            found = wcscmp(envp[i] + 5, argv[2]) == 0;
    printf("%d characters, first 0x%X\n", lstrlenW(argv[1]), (unsigned)argv[1][0]);
    return lstrlenW(argv[1]) == 3 && argv[1][0] == 0x20AC && found ? 0 : 1;
}
