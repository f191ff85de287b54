/* __uuidof and IID_PPV_ARGS, which compilers for Windows have, for C++. */

#ifndef WMLB_WMSDK_UUID_H
#define WMLB_WMSDK_UUID_H

#include "types.h"

#if defined(__cplusplus) && !defined(__CRT_UUID_DECL)

extern "C++" {

template <typename Interface> struct wmlb_uuid;
template <typename Interface> struct wmlb_uuid<const Interface> : wmlb_uuid<Interface> {};
template <typename Interface> struct wmlb_uuid<Interface *> : wmlb_uuid<Interface> {};
template <typename Interface> struct wmlb_uuid<Interface *const> : wmlb_uuid<Interface> {};
template <typename Interface> struct wmlb_uuid<Interface &> : wmlb_uuid<Interface> {};

struct IUnknown;
template <typename Interface> inline void **wmlb_ppv_args(Interface **object)
{
    (void)static_cast<IUnknown *>(*object);
    return reinterpret_cast<void **>(object);
}

}

#define __CRT_UUID_DECL(type, one, two, three, a, b, c, d, e, f, g, h)              \
    extern "C++" {                                                                  \
    template <> struct wmlb_uuid<type> {                                            \
        static const GUID &get()                                                    \
        {                                                                           \
            static const GUID uuid = {one, two, three, {a, b, c, d, e, f, g, h}};   \
            return uuid;                                                            \
        }                                                                           \
    };                                                                              \
    }
/* Of an interface's name, or of an expression. */
#define __uuidof(what) (wmlb_uuid<__typeof__(what)>::get())
#define IID_PPV_ARGS(object) __uuidof(**(object)), wmlb_ppv_args(object)

#endif

/* The uuid of an interface: for __uuidof, and as the constant IID_... . */
#ifdef __cplusplus
#define WMLB_UUID(type, one, two, three, a, b, c, d, e, f, g, h)                    \
    static const IID IID_##type __attribute__((unused)) = {                         \
        one, two, three, {a, b, c, d, e, f, g, h}};                                 \
    __CRT_UUID_DECL(type, one, two, three, a, b, c, d, e, f, g, h)
#else
#define WMLB_UUID(type, one, two, three, a, b, c, d, e, f, g, h)                    \
    static const IID IID_##type __attribute__((unused)) = {                         \
        one, two, three, {a, b, c, d, e, f, g, h}};
#endif

#endif
