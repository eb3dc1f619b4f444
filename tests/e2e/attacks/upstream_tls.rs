//! Services whose certificates are not theirs, or no longer. Each gets nothing, and the agent is told why.

use std::{net::SocketAddr, sync::Arc};

use http_body_util::BodyExt;
use onecli_tests::{canary::CANARY, daemon::Daemon, proxy::Tunnel};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, NameConstraints, date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{io::AsyncReadExt, net::TcpListener};
use tokio_rustls::TlsAcceptor;

use super::table::Row;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

impl Authority {
    fn new(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }
}

/// What is wrong with a service's certificate.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Expired,
    NotYetValid,
    OtherName,
    NoName,
    UnknownAuthority,
    SelfSigned,
    AuthorityItself,
    ForClients,
    OutOfTheAuthoritysReach,
    NoTls,
}

use Fault as F;

/// Row, what is wrong, what is said of it.
const FAULTS: &[(&str, Fault, &str, &str)] = &[
    ("A22", F::Expired, "expired", "has expired"),
    ("A22b", F::NotYetValid, "not valid yet", "not valid yet"),
    ("A22c", F::OtherName, "for another host", "is for"),
    ("A22d", F::NoName, "with the host in its subject alone", "for no"),
    ("A22e", F::UnknownAuthority, "signed by an unknown authority", "not trusted"),
    ("A22f", F::SelfSigned, "signed by itself", "not trusted"),
    ("A22g", F::AuthorityItself, "that is the authority's own", "an authority's own"),
    ("A22h", F::ForClients, "for clients only", "not for servers"),
    ("A22i", F::OutOfTheAuthoritysReach, "for a host that its authority may not sign", "NameConstraint"),
    ("A22j", F::NoTls, "none: it speaks no TLS", ""),
];

/// A certificate for `host` with this fault, and its key.
fn certificate(
    fault: Fault, host: &str, known: &Authority, narrow: &Authority,
) -> (CertificateDer<'static>, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let named = match fault {
        F::OtherName => vec!["other.test".to_owned()],
        F::NoName => Vec::new(),
        _ => vec![host.to_owned()],
    };
    let mut params = CertificateParams::new(named).unwrap();
    params.distinguished_name.push(DnType::CommonName, host);
    let unknown = Authority::new("Unknown authority", |_| {});
    let mut issuer = known;
    match fault {
        F::Expired => params.not_after = date_time_ymd(2020, 1, 1),
        F::NotYetValid => params.not_before = date_time_ymd(2100, 1, 1),
        F::UnknownAuthority => issuer = &unknown,
        F::ForClients => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        F::AuthorityItself => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        F::OutOfTheAuthoritysReach => issuer = narrow,
        _ => {}
    }
    let certificate = match fault {
        F::SelfSigned => params.self_signed(&key).unwrap(),
        _ => params.signed_by(&key, &issuer.issuer).unwrap(),
    };
    (certificate.der().clone(), key)
}

/// Serves with this certificate, and fails if it is sent anything inside.
async fn serve(certificate: CertificateDer<'static>, key: &KeyPair, speaks_tls: bool) -> SocketAddr {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut sent = Vec::new();
            if speaks_tls {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read_to_end(&mut sent).await;
            } else {
                use tokio::io::AsyncWriteExt;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                let _ = stream.read_to_end(&mut sent).await;
            }
            let text = String::from_utf8_lossy(&sent);
            assert!(!text.contains("HTTP/1.1") && !text.contains(CANARY), "the service was sent {text}");
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_service_with_a_valid_certificate_is_spoken_to() {
    let known = Authority::new("Known authority", |_| {});
    let narrow = Authority::new("Narrow authority", |params| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("narrow.example".into())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    });
    let roots = known.certificate.pem() + &narrow.certificate.pem();
    for (row, fault, _, said) in FAULTS {
        let (certificate, key) = certificate(*fault, "api.test", &known, &narrow);
        let address = serve(certificate, &key, !matches!(fault, F::NoTls)).await;
        let mut daemon = Daemon::before(address, &roots, &["api.test:443"], &[("RUST_LOG", "warn")]);
        daemon.launch().await;
        daemon.secret("api", CANARY, &["--host", "api.test", "--header", "x-key"]).await;
        let token = daemon.token().await;
        let response = Tunnel::open(&daemon, &token, "api.test", "h2").await.get("api.test", "/").await;
        assert_eq!(response.status(), 502, "{row}");
        let reply = response.into_body().collect().await.unwrap().to_bytes();
        let reply: serde_json::Value = serde_json::from_slice(&reply).unwrap();
        assert_eq!(reply["error"], "upstream_tls_failed", "{row}: {reply}");
        assert!(reply["message"].as_str().unwrap().contains(said), "{row}: {reply}");
        let event = &daemon.audit().await[0];
        assert_eq!(
            (&event["decision"], &event["error"]),
            (&"failed".into(), &"upstream_tls_failed".into()),
            "{row}"
        );
        assert!(event["reason"].as_str().unwrap().contains(said), "{row}: {event}");
    }
}

pub(super) fn rows() -> Vec<Row> {
    FAULTS
        .iter()
        .map(|(id, _, fault, _)| {
            let must = "502 `upstream_tls_failed` with the reason; the service is sent nothing".into();
            let test = "attacks::upstream_tls::only_a_service_with_a_valid_certificate_is_spoken_to";
            Row::new(id, format!("a service with a certificate {fault}"), must, test)
        })
        .collect()
}
