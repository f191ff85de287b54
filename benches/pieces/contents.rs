//! Made-up contents, the same ones every time. What matters for speed is as in the stores of
//! `tests/make_store.py`: sizes, elements, and how much of a license is in others too.

use wmlb::pieces::{Time, member};

/// In 2011.
pub const EPOCH: i64 = 1_300_000_000;

/// How often the four formats are in a mixed store, of 20: WMDRM, XMR, LCP; the rest is opaque.
const WMDRM: usize = 10;
const XMR: usize = 5;
const LCP: usize = 3;

const GRANTED: &str = "<CONDITION><![CDATA[TRUE]]></CONDITION>";
const DENIED: &str = "<CONDITION><![CDATA[FALSE]]></CONDITION>";
const NO_ACTION: &str = "<ACTION><![CDATA[]]></ACTION>";

/// What a WMDRM license says of backup.
#[derive(Clone, Copy)]
pub enum Backup {
    /// In the usual form, which the quick look knows.
    Granted,
    /// In other words, so that it takes a reader of XML to see it.
    GrantedAtLength,
    Denied,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }

    /// As base64 of so many bytes looks.
    fn text(&mut self, bytes: usize) -> String {
        const SYMBOLS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text: String = (0..(bytes * 4).div_ceil(3))
            .map(|_| char::from(SYMBOLS[self.below(SYMBOLS.len())]))
            .collect();
        while !text.len().is_multiple_of(4) {
            text.push('=');
        }
        text
    }

    fn hex(&mut self, bytes: usize) -> String {
        let digits = |byte: &u8| format!("{byte:02x}");
        self.bytes(bytes).iter().map(digits).collect()
    }
}

/// What an issuer puts into each of its licenses.
struct Issuer {
    host: String,
    key: String,
    chain: String,
    revocation: String,
}

/// Makes licenses.
pub struct Maker {
    random: Random,
    machine_key: String,
    issuers: Vec<Issuer>,
}

impl Maker {
    pub fn new() -> Self {
        let mut random = Random(1);
        let machine_key = random.text(40);
        let root = random.text(450);
        let issuers = (0..10).map(|number| Issuer {
            host: format!("license{number}.example"),
            key: random.text(40),
            chain: [
                random.text(320 + 40 * number),
                random.text(520),
                root.clone(),
            ]
            .map(|text| format!("<CERTIFICATE>{text}</CERTIFICATE>"))
            .concat(),
            revocation: random.text(60 + 70 * (number % 4)),
        });
        Maker {
            issuers: issuers.collect(),
            machine_key,
            random,
        }
    }

    /// Few make most of the licenses.
    fn issuer(&mut self) -> usize {
        let end = 1 + self.random.below(self.issuers.len());
        self.random.below(end)
    }

    pub fn wmdrm(&mut self, backup: Backup) -> Vec<u8> {
        let issuer = self.issuer();
        let (random, issuer) = (&mut self.random, &self.issuers[issuer]);
        let (id, key_id, content_key) = (random.text(16), random.text(16), random.text(40));
        let (value, signature, other) = (random.text(80), random.text(40), random.text(40));
        let (counter, plays) = (random.hex(4), random.below(1000));
        let (host, key, machine_key) = (&issuer.host, &issuer.key, &self.machine_key);
        let (chain, revocation) = (&issuer.chain, &issuer.revocation);
        let backup = match backup {
            Backup::Granted => GRANTED.to_owned(),
            Backup::GrantedAtLength => [GRANTED, NO_ACTION].concat(),
            Backup::Denied => [DENIED, NO_ACTION].concat(),
        };
        format!(
            r##"<LICENSE version="2.0.0.0"><LICENSORINFO><DATA><LID>{id}</LID><KID>{key_id}</KID><ISSUEDATE>20110314 12:00:00Z</ISSUEDATE><PRIORITY>10</PRIORITY><CONTENTPUBKEY>{content_key}</CONTENTPUBKEY><RevocationList>{revocation}</RevocationList><META><TITLE>Amber {counter}</TITLE><LSURL>http://{host}/store/renew.asp?id={counter}</LSURL></META><ONSTORE><ACTION><![CDATA[counter.plays_{counter} = {plays}; counter.burns = 3; secstate.stored = machine.datetime;]]></ACTION></ONSTORE><ONSELECT><CONDITION><![CDATA[(long)counter.plays_{counter} > 0]]></CONDITION></ONSELECT><ONACTION type="Play"><CONDITION><![CDATA[(app.minseclevel >= 1000) && ((long)counter.plays_{counter} > 0)]]></CONDITION><ACTION><![CDATA[counter.plays_{counter}--;]]></ACTION></ONACTION><ONACTION type="Backup">{backup}</ONACTION><ONACTION type="Restore"><CONDITION><![CDATA[TRUE]]></CONDITION><ACTION><![CDATA[secstate.restored = 1;]]></ACTION></ONACTION><ONACTION type="Transfer.NONSDMI"><CONDITION><![CDATA[machine.datetime <= "#20301231 23:59:59Z#"]]></CONDITION><ACTION><![CDATA[secstate.moved = 1;]]></ACTION></ONACTION><ENABLINGBITS><ALGORITHM type="MSDRM"/><PUBKEY type="machine">{machine_key}</PUBKEY><VALUE>{value}</VALUE><SIGNATURE>{signature}</SIGNATURE></ENABLINGBITS></DATA><SIGNATURE><HASHALGORITHM type="SHA"/><SIGNALGORITHM type="MSDRM"/><PUBKEY>{key}</PUBKEY><VALUE>{other}</VALUE></SIGNATURE><CERTIFICATECHAIN>{chain}</CERTIFICATECHAIN></LICENSORINFO></LICENSE>"##
        )
        .into_bytes()
    }

    pub fn xmr(&mut self) -> Vec<u8> {
        fn object(kind: u16, flags: u16, parts: &[&[u8]]) -> Vec<u8> {
            let content = parts.concat();
            let length = 8 + content.len() as u32;
            let header = [flags.to_be_bytes(), kind.to_be_bytes()].concat();
            [&header, &length.to_be_bytes()[..], &content].concat()
        }
        let issuer = self.issuer();
        let address = self.issuers[issuer].host.encode_utf16();
        let address: Vec<u8> = address.flat_map(u16::to_le_bytes).collect();
        let random = &mut self.random;
        let dates = [EPOCH as u32, EPOCH as u32 + random.below(1 << 28) as u32];
        let policy = [
            object(0x000D, 1, &[&[0, 8]]),
            object(0x0034, 1, &[&[7, 0xD0]]),
            object(0x0012, 1, &[&dates.map(u32::to_be_bytes).concat()]),
        ]
        .concat();
        let playback = object(0x0005, 1, &[&[0; 10]]);
        let key_head = [0, 1, 0, 3, 0, 128];
        let key = object(
            0x000A,
            1,
            &[&random.bytes(16), &key_head, &random.bytes(128)],
        );
        let all = object(
            0x0001,
            2,
            &[
                &object(0x0002, 2, &[&policy]),
                &object(0x0004, 3, &[&playback]),
                &object(0x0009, 2, &[&key]),
                &object(0x002C, 0, &[&address, &random.bytes(200)]),
                &object(0x000B, 1, &[&[0, 1, 0, 16], &random.bytes(16)]),
            ],
        );
        [&b"XMR\0\0\0\0\x03"[..], &random.bytes(16), &all].concat()
    }

    pub fn lcp(&mut self) -> Vec<u8> {
        let issuer = self.issuer();
        let (random, issuer) = (&mut self.random, &self.issuers[issuer]);
        let (id, hash, user) = (random.hex(16), random.hex(32), random.hex(16));
        let (key, check, mail, signature) = (
            random.text(64),
            random.text(64),
            random.text(64),
            random.text(256),
        );
        let (host, copies) = (&issuer.host, random.below(100));
        let certificate = format!("{}{}", issuer.key, issuer.chain.replace(['<', '>'], ""));
        format!(
            r##"{{"provider": "https://{host}", "id": "{id}", "issued": "2011-03-31T20:21:11Z", "encryption": {{"profile": "http://readium.org/lcp/basic-profile", "content_key": {{"algorithm": "http://www.w3.org/2001/04/xmlenc#aes256-cbc", "encrypted_value": "{key}"}}, "user_key": {{"algorithm": "http://www.w3.org/2001/04/xmlenc#sha256", "text_hint": "The passphrase you chose", "key_check": "{check}"}}}}, "links": [{{"rel": "hint", "href": "https://{host}/hint", "type": "text/html"}}, {{"rel": "publication", "href": "https://{host}/content/{id}.epub", "type": "application/epub+zip", "length": 8370970, "hash": "{hash}"}}], "rights": {{"print": {copies}, "copy": 5000, "start": "2011-03-31T20:21:11Z", "end": "2031-12-31T00:00:00Z"}}, "user": {{"id": "{user}", "email": "{mail}", "encrypted": ["email"]}}, "signature": {{"algorithm": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", "certificate": "{certificate}", "value": "{signature}"}}}}"##
        )
        .into_bytes()
    }

    pub fn opaque(&mut self) -> Vec<u8> {
        let size = (1 << 10) + self.random.below(19 << 10);
        self.random(size)
    }

    pub fn random(&mut self, size: usize) -> Vec<u8> {
        self.random.bytes(size)
    }

    /// What a frame of a mixed store holds: members, one after the other.
    pub fn mixed(&mut self, size: usize) -> Vec<u8> {
        let mut content = Vec::with_capacity(size + (32 << 10));
        while content.len() < size {
            let (folder, license) = match self.random.below(20) {
                kind if kind < WMDRM => ("wmdrm", self.wmdrm(Backup::GrantedAtLength)),
                kind if kind < WMDRM + XMR => ("playready", self.xmr()),
                kind if kind < WMDRM + XMR + LCP => ("lcp", self.lcp()),
                _ => ("opaque", self.opaque()),
            };
            let path = format!("licenses/{folder}/{}.lic", self.random.hex(16));
            let modified = Time {
                seconds: EPOCH + self.random.below(1 << 27) as i64,
                // One in three.
                nanoseconds: match self.random.below(3) {
                    0 => self.random.below(1_000_000_000) as u32,
                    _ => 0,
                },
            };
            let length = license.len() as u64;
            member::write_header(&mut content, path.as_bytes(), length, modified);
            content.extend_from_slice(&license);
            member::pad(&mut content, length);
        }
        content.truncate(size);
        content
    }
}
