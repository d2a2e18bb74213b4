//! HMAC with the key's two pads hashed beforehand, over SHA-256 or SHA-512, as text.

use sha2::digest::Output;
use sha2::{Digest, Sha256, Sha512};

/// What a signature's hash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Returns the hash of a number, counted from 1 in the order above.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Sha256),
            2 => Some(Self::Sha512),
            _ => None,
        }
    }
}

/// How bytes are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// In lower-case hexadecimal.
    Hex,
    /// In base64, padded.
    Base64,
}

impl Encoding {
    /// Returns the encoding of a number, counted from 1 in the order above.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Hex),
            2 => Some(Self::Base64),
            _ => None,
        }
    }

    /// Spells bytes behind what is there.
    #[inline]
    fn write(self, out: &mut Vec<u8>, bytes: &[u8]) {
        match self {
            Self::Hex => {
                for byte in bytes {
                    out.extend([digit(byte >> 4), digit(byte & 15)]);
                }
            }
            Self::Base64 => {
                for chunk in bytes.chunks(3) {
                    let (one, two, three) = match *chunk {
                        [one, two, three] => (one, Some(two), Some(three)),
                        [one, two] => (one, Some(two), None),
                        [one] => (one, None, None),
                        _ => continue,
                    };
                    let (middle, last) = (two.unwrap_or(0), three.unwrap_or(0));
                    out.push(letter(one >> 2));
                    out.push(letter(one << 4 & 0x30 | middle >> 4));
                    out.push(two.map_or(b'=', |_| letter(middle << 2 & 0x3c | last >> 6)));
                    out.push(three.map_or(b'=', |_| letter(last & 0x3f)));
                }
            }
        }
    }
}

#[derive(Clone)]
enum Pads {
    Sha256(Box<[Sha256; 2]>),
    Sha512(Box<[Sha512; 2]>),
}

/// A key, ready to sign. Of the secret only its hashed pads are kept.
#[derive(Clone)]
pub struct Signer {
    pads: Pads,
    encoding: Encoding,
}

impl Signer {
    /// Returns the signer of a secret.
    #[must_use]
    pub fn new(secret: &[u8], hash: Hash, encoding: Encoding) -> Self {
        let pads = match hash {
            Hash::Sha256 => Pads::Sha256(Box::new(pads::<Sha256, 64>(secret))),
            Hash::Sha512 => Pads::Sha512(Box::new(pads::<Sha512, 128>(secret))),
        };
        Self { pads, encoding }
    }

    /// Writes the signature of a payload behind what is there.
    #[inline]
    pub fn write(&self, payload: &[u8], out: &mut Vec<u8>) {
        match &self.pads {
            Pads::Sha256(pads) => self.encoding.write(out, &hmac(pads, payload)),
            Pads::Sha512(pads) => self.encoding.write(out, &hmac(pads, payload)),
        }
    }

    /// Returns the signature of a payload.
    #[must_use]
    pub fn sign(&self, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(payload, &mut out);
        out
    }
}

/// Returns what of a hash is known before anything is signed; its blocks have so many bytes.
fn pads<D: Digest, const BLOCK_BYTES: usize>(secret: &[u8]) -> [D; 2] {
    let mut key = [0; BLOCK_BYTES];
    let hashed = D::digest(secret);
    let secret = if secret.len() > BLOCK_BYTES { hashed.as_slice() } else { secret };
    for (byte, secret) in key.iter_mut().zip(secret) {
        *byte = *secret;
    }
    [0x36, 0x5c].map(|with: u8| D::new_with_prefix(key.map(|byte| byte ^ with)))
}

#[inline(always)]
fn hmac<D: Digest + Clone>([inner, outer]: &[D; 2], payload: &[u8]) -> Output<D> {
    let inner = inner.clone().chain_update(payload).finalize();
    outer.clone().chain_update(inner).finalize()
}

#[inline(always)]
fn digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0'.wrapping_add(nibble),
        _ => b'a'.wrapping_add(nibble).wrapping_sub(10),
    }
}

#[inline(always)]
fn letter(sextet: u8) -> u8 {
    match sextet {
        0..=25 => b'A'.wrapping_add(sextet),
        26..=51 => b'a'.wrapping_add(sextet).wrapping_sub(26),
        52..=61 => b'0'.wrapping_add(sextet).wrapping_sub(52),
        62 => b'+',
        _ => b'/',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(secret: &[u8], payload: &[u8], hash: Hash) -> String {
        String::from_utf8(Signer::new(secret, hash, Encoding::Hex).sign(payload)).unwrap()
    }

    #[test]
    fn published_vectors_hold() {
        // RFC 4231, test cases 1, 2, 3, 6 and 7.
        for (secret, payload, expected) in [
            (
                vec![0x0b; 20],
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 20],
                vec![0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                vec![0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size \
                  data. The key needs to be hashed before being used by the HMAC algorithm."
                    .to_vec(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(hex(&secret, &payload, Hash::Sha256), expected);
        }
    }

    #[test]
    fn published_vectors_of_the_longer_hash_hold() {
        // RFC 4231, test cases 1, 2 and 6.
        for (secret, payload, expected) in [
            (
                vec![0x0b; 20],
                &b"Hi There"[..],
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
                 daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
                 9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
                 6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ),
        ] {
            assert_eq!(hex(&secret, payload, Hash::Sha512), expected);
        }
    }

    #[test]
    fn bytes_are_spelled_in_base64() {
        // RFC 4648, section 10.
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Vec::new();
            Encoding::Base64.write(&mut out, bytes.as_bytes());
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
        let mut out = Vec::new();
        Encoding::Base64.write(&mut out, &[0xfb, 0xff, 0xfe]);
        assert_eq!(out, b"+//+");
    }

    #[test]
    fn a_signer_signs_more_than_once() {
        let signer = Signer::new(b"secret", Hash::Sha256, Encoding::Base64);
        assert_eq!(signer.sign(b"one"), signer.sign(b"one"));
        assert_ne!(signer.sign(b"one"), signer.sign(b"two"));
    }
}
