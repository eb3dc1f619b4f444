//! What agents trust: our root, and the roots that the daemon trusts.

use data_encoding::BASE64;

const LINE: usize = 64;

/// A bundle in PEM: `root_pem` first, then the platform's roots.
pub(crate) fn bundle(root_pem: &str) -> String {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        tracing::warn!(
            "this machine has no root certificates; agents will trust the gateway's alone (install ca-certificates)"
        );
    }
    let mut bundle = root_pem.trim_end().to_owned();
    bundle.push('\n');
    for certificate in &found.certs {
        push_pem(&mut bundle, certificate);
    }
    bundle
}

fn push_pem(bundle: &mut String, der: &[u8]) {
    bundle.push_str("-----BEGIN CERTIFICATE-----\n");
    let base64 = BASE64.encode(der);
    let mut rest = base64.as_str();
    while let Some((line, after)) = rest.split_at_checked(LINE) {
        bundle.push_str(line);
        bundle.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        bundle.push_str(rest);
        bundle.push('\n');
    }
    bundle.push_str("-----END CERTIFICATE-----\n");
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    #[test]
    fn what_is_written_reads_back() {
        for length in [1_usize, 47, 48, 49, 700] {
            let der = vec![7_u8; length];
            let mut pem = String::new();
            super::push_pem(&mut pem, &der);
            assert_eq!(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().as_ref(), der, "{pem}");
        }
    }
}
