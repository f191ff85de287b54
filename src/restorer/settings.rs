//! What a host sets besides properties: functions of its own, a store, a target.

use std::sync::Arc;

use super::Restorer;
use crate::choice::Filter;
use crate::restore::Authorizer;
use crate::rights::Rights;
use crate::store::host::SetStore;
use crate::target::SetTarget;

impl Restorer {
    /// Sets the authorizer, which is asked before a restore.
    pub fn set_authorizer(&self, authorizer: Option<Arc<dyn Authorizer>>) {
        *self.authorizer.lock() = authorizer;
    }

    /// Sets the host's rights function, which is asked about each license in a backup.
    pub fn set_rights(&self, rights: Option<Arc<dyn Rights>>) {
        *self.rights.lock() = rights;
    }

    pub fn rights(&self) -> Option<Arc<dyn Rights>> {
        self.rights.lock().clone()
    }

    /// Sets the host's filter, which chooses the licenses of a backup.
    pub fn set_filter(&self, filter: Option<Arc<dyn Filter>>) {
        *self.filter.lock() = filter;
    }

    pub fn filter(&self) -> Option<Arc<dyn Filter>> {
        self.filter.lock().clone()
    }

    /// Sets a store of the host; None for the one at StorePath.
    pub fn set_store(&self, store: Option<Arc<SetStore>>) {
        *self.store.lock() = store;
    }

    pub fn store(&self) -> Option<Arc<SetStore>> {
        self.store.lock().clone()
    }

    /// Sets a target; None for the folders at BackupPath and RestorePath.
    pub fn set_target(&self, target: Option<Arc<dyn SetTarget>>) {
        *self.target.lock() = target;
    }

    pub fn target(&self) -> Option<Arc<dyn SetTarget>> {
        self.target.lock().clone()
    }
}
