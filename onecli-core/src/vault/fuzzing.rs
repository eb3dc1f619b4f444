//! What fuzzers call here: opening what may be damaged or forged.

use super::{MasterKeys, Plaintext, Sealed, place::Place, sealer::Sealer};

/// Opens bytes as they are, and a sealed value with these bytes over its own. Nothing opens but what was sealed.
#[allow(clippy::missing_panics_doc, reason = "a fuzzer looks for it")]
pub fn sealed(data: &[u8]) {
    // A key of its own each time: the fuzzer remembers what was sealed before, and that would open.
    let Ok((keys, _)) = MasterKeys::generate() else { return };
    let sealer = Sealer::new(&keys);
    let place = Place::Blob { name: "fuzz" };
    assert!(sealer.open(&place, &Sealed::from_bytes(data.to_vec())).is_err());
    let Ok(genuine) = sealer.seal(&place, &Plaintext::from(b"value".to_vec())) else { return };
    let mut edited = genuine.as_bytes().to_vec();
    let at = data.first().map_or(0, |byte| usize::from(*byte) % edited.len());
    for (old, new) in edited.iter_mut().skip(at).zip(data.iter().skip(1)) {
        *old = *new;
    }
    let is_genuine = edited == genuine.as_bytes();
    assert_eq!(sealer.open(&place, &Sealed::from_bytes(edited)).is_ok(), is_genuine);
    assert!(sealer.open(&Place::Blob { name: "other" }, &genuine).is_err());
}
