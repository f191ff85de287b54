/*
 * What R needs of C to reach libwmlb: R has no other foreign function interface. It may be called
 * on its own thread only, so events are fetched. A handle is an external pointer.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <wmlb.h>

#define R_NO_REMAP
#include <Rinternals.h>

#define HANDLE(of) R_ExternalPtrAddr(of)

static SEXP handle(void *of)
{
    return R_MakeExternalPtr(of, R_NilValue, R_NilValue);
}

SEXP r_queue(void)
{
    wmlb_queue *queue = NULL;
    wmlb_hresult hr = wmlb_queue_create(&queue);
    return WMLB_FAILED(hr) ? Rf_ScalarInteger(hr) : handle(queue);
}

SEXP r_restorer(void)
{
    wmlb_restorer *restorer = NULL;
    wmlb_hresult hr = wmlb_restorer_create(&restorer);
    return WMLB_FAILED(hr) ? Rf_ScalarInteger(hr) : handle(restorer);
}

SEXP r_set(SEXP of, SEXP name, SEXP type, SEXP value)
{
    return Rf_ScalarInteger(wmlb_restorer_set_prop(HANDLE(of), CHAR(STRING_ELT(name, 0)),
                                                   Rf_asInteger(type), RAW(value),
                                                   (size_t)XLENGTH(value)));
}

SEXP r_start(SEXP of, SEXP kind, SEXP flags, SEXP queue)
{
    const char *name = CHAR(STRING_ELT(kind, 0));
    uint32_t given = (uint32_t)Rf_asReal(flags);
    if (strcmp(name, "backup") == 0)
        return Rf_ScalarInteger(
            wmlb_restorer_backup_licenses(HANDLE(of), given, wmlb_queue_push, HANDLE(queue)));
    if (strcmp(name, "restore") == 0)
        return Rf_ScalarInteger(
            wmlb_restorer_restore_licenses(HANDLE(of), given, wmlb_queue_push, HANDLE(queue)));
    return Rf_ScalarInteger(
        wmlb_restorer_verify_backup(HANDLE(of), given, wmlb_queue_push, HANDLE(queue)));
}

/* list(status, code, value as raw), or NULL after the last one. */
SEXP r_next(SEXP queue)
{
    wmlb_event event = {0};
    SEXP told, value;
    event.struct_size = sizeof event;
    if (wmlb_queue_next(HANDLE(queue), UINT32_MAX, &event) != WMLB_S_OK)
        return R_NilValue;
    told = PROTECT(Rf_allocVector(VECSXP, 3));
    value = Rf_allocVector(RAWSXP, (R_xlen_t)event.value_len);
    SET_VECTOR_ELT(told, 2, value);
    if (event.value != NULL)
        memcpy(RAW(value), event.value, event.value_len);
    SET_VECTOR_ELT(told, 0, Rf_ScalarInteger(event.status));
    SET_VECTOR_ELT(told, 1, Rf_ScalarInteger(event.hr));
    UNPROTECT(1);
    return told;
}

SEXP r_do(SEXP what, SEXP of)
{
    const char *name = CHAR(STRING_ELT(what, 0));
    wmlb_hresult result = WMLB_E_UNEXPECTED, hr;
    if (strcmp(name, "answer") == 0)
        return Rf_ScalarInteger(wmlb_queue_cancel(HANDLE(of)));
    if (strcmp(name, "restorer") == 0)
        return Rf_ScalarInteger(wmlb_restorer_cancel(HANDLE(of)));
    if (strcmp(name, "kind") == 0)
        return Rf_ScalarInteger(wmlb_restorer_cancel_license_backup(HANDLE(of)));
    if (strcmp(name, "release") == 0)
        return Rf_ScalarInteger(wmlb_restorer_release(HANDLE(of)));
    if (strcmp(name, "queue") == 0)
        return Rf_ScalarInteger(wmlb_queue_release(HANDLE(of)));
    hr = wmlb_restorer_wait(HANDLE(of), UINT32_MAX, &result);
    return Rf_ScalarInteger(hr == WMLB_S_OK ? result : hr);
}

SEXP r_words(SEXP of)
{
    char buffer[4096] = "";
    size_t size = sizeof buffer;
    if (WMLB_FAILED(wmlb_restorer_get_last_error(HANDLE(of), buffer, &size)))
        buffer[0] = '\0';
    return Rf_mkString(buffer);
}

static wmlb_hresult on_license(const wmlb_license_info *license, void *names)
{
    SEXP *list = names;
    *list = Rf_cons(Rf_mkString(license->name), *list);
    R_PreserveObject(*list);
    return WMLB_S_OK;
}

/* list(code, names) */
SEXP r_list(SEXP of, SEXP what)
{
    SEXP names = R_NilValue, told = PROTECT(Rf_allocVector(VECSXP, 2)), one;
    int is_store = strcmp(CHAR(STRING_ELT(what, 0)), "store") == 0;
    wmlb_hresult hr = is_store ? wmlb_restorer_enumerate_store(HANDLE(of), on_license, &names)
                               : wmlb_restorer_enumerate_backup(HANDLE(of), on_license, &names);
    SET_VECTOR_ELT(told, 0, Rf_ScalarInteger(hr));
    SET_VECTOR_ELT(told, 1, names);
    for (one = names; one != R_NilValue; one = CDR(one))
        R_ReleaseObject(one);
    UNPROTECT(1);
    return told;
}

SEXP r_open(SEXP of, SEXP path, SEXP writes)
{
    int flags = Rf_asLogical(writes) ? O_RDWR | O_CREAT : O_RDONLY;
    int fd = open(CHAR(STRING_ELT(path, 0)), flags, 0600);
    wmlb_hresult hr = wmlb_restorer_set_target_fd(HANDLE(of), fd);
    close(fd);
    return Rf_ScalarInteger(hr);
}
