/* See wmlb_odbc_begin.h. unixODBC's BOOL is a macro for int, which ours is a type of. */

#ifdef WMLB_ODBC_IS_AFTER
#undef BOOL
#undef WCHAR
#undef LPWSTR
#undef LPCWSTR
#undef TCHAR
#undef LPTSTR
#undef ULONG
#endif
