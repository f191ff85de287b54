//! The recipients `age1pq...` and their identities, `AGE-SECRET-KEY-PQ-1...`: what is encrypted to
//! them now, no quantum computer opens later. (C2SP age.md, "The mlkem768x25519 recipient type")
//!
//! The age crate does not have them yet. Here is only what they add to it: ML-KEM-768 and X25519
//! joined to one KEM, MLKEM768-X25519 of the draft on post-quantum HPKE, which is X-Wing.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};
use age_core::primitives::{bech32_decode, hpke_open, hpke_seal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hpke::generic_array::typenum::{Sum, U32, U96, U192, U1024};
use hpke::generic_array::{ArrayLength, GenericArray};
use hpke::kem::SharedSecret;
use hpke::{Deserializable, HpkeError, Kem, Serializable};
use ml_kem::kem::{Decapsulate, DecapsulationKey, Encapsulate, EncapsulationKey};
use ml_kem::{EncodedSizeUser, KemCore, MlKem768, MlKem768Params};
use rand_core::{CryptoRng, OsRng, RngCore};
use sha3::digest::{ExtendableOutput, Update, XofReader};
use sha3::{Digest, Sha3_256, Shake256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroize;

const RECIPIENT: &str = "age1pq";
const IDENTITY: &str = "age-secret-key-pq-";
const STANZA: &str = "mlkem768x25519";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// The parts of a stanza's body: the file's key and a tag.
const BODY: usize = 16 + 16;
/// What is encrypted to a recipient with this label goes to such recipients alone.
const LABEL: &str = "postquantum";

/// A key, or what encapsulates a secret: so many bytes, wiped when they go.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes<N: ArrayLength<u8>>(GenericArray<u8, N>);

impl<N: ArrayLength<u8>> Drop for Bytes<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<N: ArrayLength<u8>> fmt::Debug for Bytes<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", N::USIZE)
    }
}

impl<N: ArrayLength<u8>> Serializable for Bytes<N> {
    type OutputSize = N;

    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0);
    }
}

impl<N: ArrayLength<u8>> Deserializable for Bytes<N> {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let bytes = GenericArray::from_exact_iter(bytes.iter().copied());
        bytes.map(Bytes).ok_or(HpkeError::ValidationError)
    }
}

/// The seed that both secret keys come from.
type Seed = Bytes<U32>;
/// The public key of ML-KEM, then that of X25519.
type Public = Bytes<Sum<U1024, U192>>;
/// The ciphertext of ML-KEM, then the share of X25519.
type Encapsulated = Bytes<Sum<U1024, U96>>;

/// Of both: the X25519 part has the last 32 bytes.
fn split<N: ArrayLength<u8>>(bytes: &Bytes<N>) -> (&[u8], [u8; 32]) {
    let (first, last) = bytes.0.split_at(N::USIZE - 32);
    let mut share = [0; 32];
    share.copy_from_slice(last);
    (first, share)
}

fn join<N: ArrayLength<u8>>(first: &[u8], share: &[u8; 32]) -> Result<Bytes<N>, HpkeError> {
    Bytes::from_bytes(&[first, share].concat())
}

/// The secret keys of a seed.
fn expand(seed: &Seed) -> (DecapsulationKey<MlKem768Params>, Public, StaticSecret) {
    let mut reader = Shake256::default().chain(seed.0.as_slice()).finalize_xof();
    let [mut d, mut z, mut share] = [[0; 32]; 3];
    for part in [&mut d, &mut z, &mut share] {
        reader.read(part);
    }
    let (decapsulation, encapsulation) = MlKem768::generate_deterministic(&d.into(), &z.into());
    let secret = StaticSecret::from(share);
    for part in [&mut d, &mut z, &mut share] {
        part.zeroize();
    }
    let mut public = Bytes(GenericArray::default());
    let (first, last) = public.0.split_at_mut(1184);
    first.copy_from_slice(&encapsulation.as_bytes());
    last.copy_from_slice(PublicKey::from(&secret).as_bytes());
    (decapsulation, public, secret)
}

/// The key that this is, if it is one: each number in it has one form only.
fn encapsulation_key(bytes: &[u8]) -> Option<EncapsulationKey<MlKem768Params>> {
    let encoded = bytes.try_into().ok()?;
    let key = EncapsulationKey::<MlKem768Params>::from_bytes(&encoded);
    (key.as_bytes().as_slice() == bytes).then_some(key)
}

/// The secret of both secrets.
fn combined(
    first: &[u8],
    secret: &[u8; 32],
    share: &[u8; 32],
    public: &[u8; 32],
) -> SharedSecret<Hybrid> {
    let mut hash = Sha3_256::new();
    for part in [first, secret, share, public, br"\.//^\"] {
        Digest::update(&mut hash, part);
    }
    SharedSecret(hash.finalize())
}

/// MLKEM768-X25519.
struct Hybrid;

impl Kem for Hybrid {
    type PublicKey = Public;
    type PrivateKey = Seed;
    type EncappedKey = Encapsulated;
    type NSecret = U32;

    const KEM_ID: u16 = 0x647A;

    fn sk_to_pk(seed: &Seed) -> Public {
        expand(seed).1
    }

    fn derive_keypair(material: &[u8]) -> (Seed, Public) {
        let mut seed = Bytes(GenericArray::default());
        let labels: [&[u8]; 4] = [
            b"HPKE-v1KEM\x64\x7A",
            b"\0\x0D",
            b"DeriveKeyPair",
            b"\0\x20",
        ];
        let mut hash = Shake256::default().chain(material);
        labels.iter().for_each(|label| hash.update(label));
        hash.finalize_xof_into(&mut seed.0);
        let public = Self::sk_to_pk(&seed);
        (seed, public)
    }

    fn encap<R: CryptoRng + RngCore>(
        to: &Public,
        _: Option<(&Seed, &Public)>,
        random: &mut R,
    ) -> Result<(SharedSecret<Self>, Encapsulated), HpkeError> {
        let (key, public) = split(to);
        let key = encapsulation_key(key).ok_or(HpkeError::EncapError)?;
        let (sealed, first) = key
            .encapsulate(random)
            .map_err(|()| HpkeError::EncapError)?;
        let own = StaticSecret::random_from_rng(random);
        let share = PublicKey::from(&own).to_bytes();
        let secret = own.diffie_hellman(&public.into());
        if !secret.was_contributory() {
            return Err(HpkeError::EncapError);
        }
        let combined = combined(&first, secret.as_bytes(), &share, &public);
        Ok((combined, join(&sealed, &share)?))
    }

    fn decap(
        seed: &Seed,
        _: Option<&Public>,
        encapsulated: &Encapsulated,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        let (key, public, own) = expand(seed);
        let (sealed, share) = split(encapsulated);
        let sealed = sealed.try_into().map_err(|_| HpkeError::DecapError)?;
        let first = key
            .decapsulate(&sealed)
            .map_err(|()| HpkeError::DecapError)?;
        let secret = own.diffie_hellman(&share.into());
        if !secret.was_contributory() {
            return Err(HpkeError::DecapError);
        }
        let (_, public) = split(&public);
        Ok(combined(&first, secret.as_bytes(), &share, &public))
    }
}

/// The bytes of a key in the form of text that age's keys have.
fn decoded<N: ArrayLength<u8>>(text: &str, prefix: &str) -> Result<Bytes<N>, ()> {
    let is_ours = |found: &str| found.eq_ignore_ascii_case(prefix).then_some(()).ok_or(());
    bech32_decode(
        text,
        |_| (),
        |found| is_ours(found.as_str()),
        |_, bytes| {
            let mut bytes: Vec<u8> = bytes.collect();
            let key = Bytes::from_bytes(&bytes).map_err(drop);
            bytes.zeroize();
            key
        },
    )
}

pub struct Recipient(Public);

impl FromStr for Recipient {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let public = decoded(text, RECIPIENT)?;
        encapsulation_key(split(&public).0).ok_or(())?;
        Ok(Recipient(public))
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let file_key = file_key.expose_secret();
        let (encapsulated, body) = hpke_seal::<Hybrid, _>(&self.0, INFO, file_key, &mut OsRng);
        let stanza = Stanza {
            tag: STANZA.to_owned(),
            args: vec![STANDARD_NO_PAD.encode(&encapsulated.0)],
            body,
        };
        Ok((vec![stanza], HashSet::from([LABEL.to_owned()])))
    }
}

#[derive(Clone)]
pub struct Identity(Seed);

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        decoded(text, IDENTITY).map(Identity)
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA {
            return None;
        }
        let Some(encapsulated) = encapsulated_in(stanza) else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        match hpke_open::<Hybrid>(&encapsulated, &self.0, INFO, &stanza.body) {
            Ok(mut key) => {
                let opened = FileKey::init_with_mut(|file_key| file_key.copy_from_slice(&key));
                key.zeroize();
                Some(Ok(opened))
            }
            // It may be somebody else's.
            Err(HpkeError::OpenError) => None,
            Err(_) => Some(Err(DecryptError::InvalidHeader)),
        }
    }
}

/// What a stanza has for its recipient; None if it is not as such stanzas are.
fn encapsulated_in(stanza: &Stanza) -> Option<Encapsulated> {
    let [argument] = &stanza.args[..] else {
        return None;
    };
    let bytes = STANDARD_NO_PAD.decode(argument).ok()?;
    let is_whole = stanza.body.len() == BODY;
    is_whole.then(|| Bytes::from_bytes(&bytes).ok()).flatten()
}
