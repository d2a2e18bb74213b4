//! HMAC-SHA256 with the key's two pads hashed beforehand.

use sha2::{Digest, Sha256};

const BLOCK_BYTES: usize = 64;

/// A key, ready to sign. Of the secret only its hashed pads are kept.
#[derive(Clone)]
pub struct Signer {
    inner: Sha256,
    outer: Sha256,
}

impl Signer {
    /// Returns the signer of a secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut key = [0; BLOCK_BYTES];
        let hashed = Sha256::digest(secret);
        let secret = if secret.len() > BLOCK_BYTES { hashed.as_slice() } else { secret };
        for (byte, secret) in key.iter_mut().zip(secret) {
            *byte = *secret;
        }
        let pad = |with: u8| Sha256::new_with_prefix(key.map(|byte| byte ^ with));
        Self { inner: pad(0x36), outer: pad(0x5c) }
    }

    /// Returns the signature of a payload, in lower-case hexadecimal.
    #[must_use]
    pub fn hex(&self, payload: &[u8]) -> [u8; 64] {
        let inner = self.inner.clone().chain_update(payload).finalize();
        let signature = self.outer.clone().chain_update(inner).finalize();
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(signature) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        text
    }
}

#[inline(always)]
fn digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0'.wrapping_add(nibble),
        _ => b'a'.wrapping_add(nibble).wrapping_sub(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(secret: &[u8], payload: &[u8]) -> String {
        String::from_utf8(Signer::new(secret).hex(payload).to_vec()).unwrap()
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
            assert_eq!(hex(&secret, &payload), expected);
        }
    }

    #[test]
    fn a_signer_signs_more_than_once() {
        let signer = Signer::new(b"secret");
        assert_eq!(signer.hex(b"one"), signer.hex(b"one"));
        assert_ne!(signer.hex(b"one"), signer.hex(b"two"));
    }
}
