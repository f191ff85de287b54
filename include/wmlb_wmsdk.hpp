/*
 * The backup restorer object of the Windows Media Format SDK, in a header, for C++11 and later:
 * link libwmlb. What the SDK's page "Backing Up and Restoring Licenses" says is what to write:
 *
 *     IWMLicenseBackup *backup = NULL;
 *     IWMBackupRestoreProps *props = NULL;
 *     WMCreateBackupRestorer(callback, &backup);
 *     backup->QueryInterface(IID_IWMBackupRestoreProps, (void **)&props);
 *     props->SetProp(L"BackupPath", WMT_TYPE_STRING, (const BYTE *)path, size_of_path);
 *     backup->BackupLicenses(0, callback);
 *
 * Source of the SDK that is not to be edited finds windows.h, wmsdk.h, wmsdkidl.h and nserror.h
 * in the folder wmsdk, for C and for C++ of any standard, and the object in libwmvcore.so:
 * pkg-config wmlb-wmsdk. With that folder on the include path, headers of others that have types
 * of Windows may come before these or after, and their types are taken: Wine's, WinPR's,
 * pcsc-lite's, DirectX-Headers', dxvk-native's, unixODBC's, iODBC's, X11's, JPEG XR's, libjpeg's.
 * (Without it, Xmd.h of X11 and unixODBC's headers must come first.) As on Windows, windows.h makes
 * "interface" a macro: headers that have parameters of that name (libusb.h, sd-bus.h) have to come
 * first.
 *
 * The numbers, IIDs, signatures and the order of methods are those of the SDK. What differs:
 *
 *   In the SDK                              Here
 *   --------------------------------------  ---------------------------------------------------
 *   All licenses on the computer.           Those of one store: the property StorePath, else
 *                                           $WMLB_STORE_PATH, else wmlb/licenses in
 *                                           $XDG_DATA_HOME or ~/.local/share; or one that the
 *                                           program supplies. When it is missing, the operation
 *                                           ends with NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE.
 *   Licenses with the right to be backed    Of WMDRM the same. Formats that do not state the
 *   up.                                     right are backed up, unless UnstatedRights is "deny".
 *   Locations such as A:\ or D:\Licenses.   Paths of this system; those with a drive or a server
 *                                           are HRESULT_FROM_WIN32(ERROR_BAD_PATHNAME).
 *   Backups of four files.                  One file, licenses.wmlb, in BackupPath.
 *   Two properties; the getters are         The properties of wmlb.h; the getters work. An
 *   E_NOTIMPL.                              unknown name is NS_E_DRM_UNSUPPORTED_PROPERTY.
 *   WCHAR has 16 bits.                      WCHAR is wchar_t, with the bits that has. With
 *                                           -DWMLB_WMSDK_UTF16 it is char16_t. A value has to end
 *                                           in a NUL of its units; what was cut has none, and is
 *                                           E_INVALIDARG. -fshort-wchar makes wchar_t 16 bits,
 *                                           but not the C library's wcslen(). wprintf() prints a
 *                                           WCHAR string with %ls, not with %s.
 *   Flags: WM_BACKUP_OVERWRITE,             And those of wmlb.h. Others, and flags of the other
 *   WM_RESTORE_INDIVIDUALIZE.               operation, are E_INVALIDARG.
 *   S_OK of RemoveProp, RemoveAllProps,     S_FALSE when nothing was set, or nothing runs.
 *   CancelLicenseBackup and -Restore.
 *   An operation's last event is            Or WMT_ERROR or WMT_ERROR_WITHURL, with the failing
 *   WMT_BACKUPRESTORE_END; failure is told  hr, when it failed or was canceled: no END comes
 *   by hr.                                  then. END's value is the path of the backup file, of a
 *                                           backup as BackupPath was given, else an absolute one.
 *   WMT_RESTRICTED_LICENSE has a key ID.    The license's key IDs, joined by newlines; its name
 *                                           when it has none.
 *   Other statuses: none.                   Those of wmlb.h from 0x1000 on, with an hr that is no
 *                                           failure: WMLB_STATUS_PROGRESS (binary: a
 *                                           wmlb_progress), WMLB_STATUS_LICENSE_SKIPPED, ...
 *                                           WMLB_BACKUP_PARTIAL may end in END with
 *                                           NS_E_DRM_STORE_NOTALLSTORED.
 *   An event without data.                  As the SDK's reader tells it: WMT_TYPE_DWORD, and
 *                                           pValue points at a zero. Never NULL.
 *   pvContext.                              NULL, as no method takes one.
 *   OnStatus should return S_OK.            What it returns is not looked at. It must not throw.
 *   Threads are not described.              OnStatus is called on threads of the operation's own,
 *                                           one call at a time for an object; the last event of
 *                                           an operation when the next can be started, in
 *                                           OnStatus too. It has to return before events of that
 *                                           one come.
 *                                           Winelib programs: these are no threads of Wine's. With
 *                                           the flag WMLB_RUN_HERE all of them are told on the
 *                                           calling thread, and the call returns the result.
 *   Releases during an operation are not    Releasing the last reference cancels, and waits for
 *   described.                              the last event; in OnStatus it does not wait, and no
 *                                           further event comes. The callback is held until its
 *                                           last event.
 *   The callback of WMCreateBackupRestorer  Not called nor held; may be NULL. Operations call the
 *   is the object's.                        one they were started with.
 *
 * wmlb_wmsdk::handle(object) is the wmlb_restorer of wmlb.h in an object: set an authorizer, a
 * store, rights or a target on it, ask it for progress or for the words of the last error.
 */

#ifndef WMLB_WMSDK_HPP
#define WMLB_WMSDK_HPP

#include "wmsdk/wmlb/restorer.hpp"

/* Programs that have included wmsdk.h take it from libwmvcore.so. */
#ifndef WMLB_WMSDK_CREATE_DECLARED
#ifdef WMLB_TYPES_OF_WINE
extern "C" inline
#else
static inline
#endif
HRESULT WINAPI WMCreateBackupRestorer(IUnknown *pCallback, IWMLicenseBackup **ppBackup)
{
    (void)pCallback;
    return wmlb_wmsdk::create(ppBackup);
}
#endif

#endif
