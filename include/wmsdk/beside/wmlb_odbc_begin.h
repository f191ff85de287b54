/*
 * unixODBC's headers after ours: WCHAR has 16 bits there whatever it has here, and ULONG has 64.
 * While they are read, their types have names of their own; afterwards ours are in force again.
 * Before ours, they keep the names.
 */

#if defined(WMLB_WMSDK_TYPES_H) && !defined(__SQLTYPES_H)
#define WMLB_ODBC_IS_AFTER
#endif
#ifdef WMLB_ODBC_IS_AFTER
#undef BOOL
#define WCHAR wmlb_odbc_WCHAR
#define LPWSTR wmlb_odbc_LPWSTR
#define LPCWSTR wmlb_odbc_LPCWSTR
#define TCHAR wmlb_odbc_TCHAR
#define LPTSTR wmlb_odbc_LPTSTR
#define ULONG wmlb_odbc_ULONG
#endif
