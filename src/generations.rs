//! What a backup says of itself; lists the generations of one in a folder, and removes those that a
//! rule does not want.

use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::Info;
use crate::archive::envelope::{self, Decryption};
use crate::archive::reader::Archive;
use crate::error::{At, Error, Result};
use crate::hresult::{self, wmlb_hresult};
use crate::operation::{Control, HostCalls};
use crate::props::{Properties, Property};
use crate::sys;
use crate::target::folder::{Generation, Generations};
use crate::target::{self, SetTarget, Source};

/// A generation, as far as it is known.
pub struct GenerationInfo {
    pub path: PathBuf,
    /// Bytes of the file.
    pub size: u64,
    modified: i64,
    pub encrypted: bool,
    pub created: Option<i64>,
    /// What it says at its beginning.
    pub info: Option<Info>,
    /// The number of its licenses, and their bytes.
    pub amount: Option<(u64, u64)>,
    /// WMLB_KEPT_* of what keeps it.
    pub kept_by: u32,
}

impl GenerationInfo {
    /// When it was made, as far as that can be told.
    fn made(&self) -> i64 {
        self.created.unwrap_or(self.modified)
    }

    /// Adds what the backup says of itself. An error is one of its end: what its beginning says is
    /// there.
    fn learn(&mut self, mut archive: Archive) -> Result<()> {
        self.created = Some(archive.info.created);
        let amount = archive.index().map(|index| (index.licenses, index.bytes));
        self.info = Some(archive.info);
        self.amount = Some(amount?);
        Ok(())
    }
}

/// Whoever is told of the generations; a negative answer ends the list, and is its result.
pub type Listener<'a> = &'a mut dyn FnMut(&GenerationInfo) -> wmlb_hresult;

/// Lists the generations in the folder of RestorePath, the newest first.
pub fn enumerate(
    properties: &Properties,
    target: Option<Arc<dyn SetTarget>>,
    listener: Listener<'_>,
    control: &Control,
) -> Result<wmlb_hresult> {
    let list = Lister::new(properties, target, control)?;
    list.each(properties, &mut |_, info| Ok(listener(info)))
}

/// Lists them, and then removes those that the property Keep does not want, unless the listener
/// gives S_FALSE for them.
pub fn forget(
    properties: &Properties,
    target: Option<Arc<dyn SetTarget>>,
    listener: Listener<'_>,
    control: &Control,
) -> Result<wmlb_hresult> {
    if properties.keep().is_none() {
        return Err(Error::NotConfigured(Property::Keep.name()));
    }
    let list = Lister::new(properties, target, control)?;
    let mut unwanted = Vec::new();
    let answer = list.each(properties, &mut |generation, info| {
        let answer = listener(info);
        if info.kept_by == 0 && answer != hresult::WMLB_S_FALSE {
            unwanted.push(generation);
        }
        Ok(answer)
    })?;
    if answer < 0 {
        return Ok(answer);
    }
    control.check()?;
    for generation in unwanted {
        list.generations.remove(generation)?;
    }
    Ok(answer)
}

/// Tells of the backup in the target, or of that at RestorePath. What is not in clear is told if it
/// can be opened; one that needs a secret although none is set is a backup all the same.
pub fn tell_of_backup(
    properties: &Properties,
    target: Option<Arc<dyn SetTarget>>,
    listener: Listener<'_>,
    control: &Control,
) -> Result<wmlb_hresult> {
    let origin = target::origin(properties, target)?;
    let decryption = Decryption::new(properties, true)?;
    let origin_place = origin.place();
    let Source {
        mut bytes, path, ..
    } = origin.open(HostCalls::on_hosts_thread(), control)?;
    let size = match bytes.seek(SeekFrom::End(0)) {
        Ok(size) => {
            bytes.seek(SeekFrom::Start(0)).at("read", &path)?;
            size
        }
        // A stream has no size.
        Err(_) => u64::MAX,
    };
    let mut found = GenerationInfo {
        // A target that is set has none.
        path: origin_place.map(|_| path.clone()).unwrap_or_default(),
        size,
        modified: 0,
        encrypted: true,
        created: None,
        info: None,
        amount: None,
        kept_by: 0,
    };
    let secrets = [Property::Passphrase, Property::Identities];
    let has_secret = secrets.map(|secret| properties.secret(secret).is_some());
    match Archive::open(bytes, path, &decryption, control) {
        Ok(archive) => {
            found.encrypted = archive.is_encrypted();
            // A stream, or a target that is read in order, has its end at the end.
            if let Err(error @ Error::Corrupt { .. }) = found.learn(archive) {
                return Err(error);
            }
        }
        Err(Error::Encrypted { hr, .. })
            if hr == hresult::WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD
                && has_secret == [false, false] => {}
        Err(error) => return Err(error),
    }
    control.check()?;
    Ok(listener(&found).min(hresult::WMLB_S_OK))
}

struct Lister<'a> {
    generations: Generations,
    decryption: Decryption,
    control: &'a Control,
}

impl<'a> Lister<'a> {
    fn new(
        properties: &Properties,
        target: Option<Arc<dyn SetTarget>>,
        control: &'a Control,
    ) -> Result<Self> {
        Ok(Lister {
            generations: target::generations(properties, target)?,
            // Nothing is restored of them.
            decryption: Decryption::new(properties, true)?,
            control,
        })
    }

    /// The last backup is looked at first: when it was made is part of the order.
    fn each(
        &self,
        properties: &Properties,
        tell: &mut dyn FnMut(Generation, &GenerationInfo) -> Result<wmlb_hresult>,
    ) -> Result<wmlb_hresult> {
        let mut current = self.look(Generation::Current)?;
        let made = current.as_ref().map_or(0, |current| current.made());
        for (generation, kept_by) in self.generations.judge(made, properties.keep()) {
            let looked = match generation {
                Generation::Current => current.take(),
                Generation::Kept { .. } => self.look(generation)?,
            };
            // It may have been removed meanwhile.
            let Some(mut info) = looked else {
                continue;
            };
            info.kept_by = kept_by;
            let answer = tell(generation, &info)?;
            if answer < 0 {
                return Ok(answer);
            }
            self.control.check()?;
        }
        Ok(hresult::WMLB_S_OK)
    }

    /// What a generation says of itself. One that is damaged is a generation too.
    fn look(&self, generation: Generation) -> Result<Option<GenerationInfo>> {
        let Some((source, stat)) = self.generations.open(generation)? else {
            return Ok(None);
        };
        let mut found = GenerationInfo {
            path: source.path.clone(),
            size: stat.st_size as u64,
            modified: sys::modified(&stat).seconds,
            encrypted: false,
            created: match generation {
                Generation::Current => None,
                Generation::Kept { time, .. } => Some(time),
            },
            info: None,
            amount: None,
            kept_by: 0,
        };
        let Source {
            mut bytes, path, ..
        } = source;
        found.encrypted = envelope::is_encrypted(&mut *bytes).at("read", &path)?;
        let opened = Archive::open(bytes, path, &self.decryption, self.control);
        self.control.check()?;
        if let Ok(archive) = opened {
            // What cannot be told is not.
            let _ = found.learn(archive);
        }
        Ok(Some(found))
    }
}
