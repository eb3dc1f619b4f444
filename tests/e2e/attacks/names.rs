//! Names that lead astray: answers of a real name server, asked by the system's resolver.

use std::net::IpAddr;

use onecli_tests::{
    daemon::Daemon,
    dns_server::{DnsServer, Records},
    proxy::raw,
    raw_origin::{ANSWER, RawOrigin},
};
use tokio::net::TcpListener;

use super::table::Row;

/// The only address that is open, where the service is; beside it one where nothing is.
const OPEN: &str = "127.0.0.2";
const DEAD: &str = "127.0.0.4";
/// Closed, and something listens there that must never be reached.
const CLOSED: &str = "127.0.0.3";

enum Answer {
    Is(&'static [&'static str]),
    Changes(&'static [&'static str], &'static [&'static str]),
    Alias(&'static str),
}

/// Names: row, name, what the name server says, and how the answer to a request begins and what stands in it.
const NAMES: &[(&str, &str, Answer, &str, &str)] = &[
    ("B7", "rebound.test", Answer::Changes(&[OPEN], &[CLOSED]), "200", "ok"),
    ("B7b", "opened-late.test", Answer::Changes(&[CLOSED], &[OPEN]), "403", "destination_not_allowed"),
    ("B8", "alias.test", Answer::Alias("closed.test"), "403", "destination_not_allowed"),
    ("B8b", "chain.test", Answer::Alias("alias.test"), "403", "destination_not_allowed"),
    ("B8c", "good-alias.test", Answer::Alias("open.test"), "200", "ok"),
    ("B13", "closed.test", Answer::Is(&[CLOSED]), "403", "destination_not_allowed"),
    ("B13b", "open.test", Answer::Is(&[OPEN]), "200", "ok"),
    ("B13c", "mixed.test", Answer::Is(&[OPEN, CLOSED]), "403", "destination_not_allowed"),
    ("B13d", "mixed-family.test", Answer::Is(&[OPEN, "::1"]), "403", "destination_not_allowed"),
    ("B13e", "mapped.test", Answer::Is(&["::ffff:127.0.0.3"]), "403", "destination_not_allowed"),
    ("B14", "dead-first.test", Answer::Is(&[DEAD, "127.0.0.5", OPEN]), "200", "ok"),
    ("B14b", "dead-then-closed.test", Answer::Is(&[DEAD, CLOSED]), "403", "destination_not_allowed"),
    ("B14c", "dead.test", Answer::Is(&[DEAD]), "502", "upstream_unreachable"),
    ("B15", "metadata.test", Answer::Is(&["169.254.169.254"]), "403", "destination_not_allowed"),
    ("B15b", "any.test", Answer::Is(&["0.0.0.0"]), "403", "destination_not_allowed"),
    ("B16", "unknown.test", Answer::Is(&[]), "502", "dns_failed"),
];

fn records(answer: &Answer) -> Records {
    let parse = |addresses: &[&str]| addresses.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect();
    match answer {
        Answer::Is(addresses) => Records::Addresses(parse(addresses)),
        Answer::Changes(first, then) => Records::Changing(parse(first), parse(then)),
        Answer::Alias(other) => Records::Alias(other),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_leads_only_where_it_may() {
    let names: Vec<(&str, Records)> =
        NAMES.iter().map(|(_, name, answer, ..)| (*name, records(answer))).collect();
    let server = DnsServer::start(&names).await;
    let origin = RawOrigin::start_at(OPEN, ANSWER).await;
    let port = origin.address.port();
    let closed = TcpListener::bind((CLOSED, port)).await.unwrap();
    let settings = [("ONECLI_ALLOW_PRIVATE", "127.0.0.2,127.0.0.4,127.0.0.5")];
    let mut daemon = Daemon::before(origin.address, &origin.ca_pem, &[], &settings);
    daemon.ask_names_at(server.address);
    daemon.launch().await;
    let token = daemon.token().await;
    for (row, name, _, status, part) in NAMES {
        // Twice: what was learned the first time must not make the second one worse.
        for _ in 0..2 {
            let request = format!(
                "GET http://{name}:{port}/ HTTP/1.1\r\nHost: {name}:{port}\r\nProxy-Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
            );
            let answer = raw(&daemon, request.as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{row} {name}: {answer}");
            assert!(answer.contains(part), "{row} {name}: {answer}");
        }
    }
    let reached = tokio::select! {
        biased;
        reached = closed.accept() => Some(reached),
        () = std::future::ready(()) => None,
    };
    assert!(reached.is_none(), "the closed address was reached: {reached:?}");
}

pub(super) fn rows() -> Vec<Row> {
    let said = |answer: &Answer| match answer {
        Answer::Is([]) => "leads nowhere".to_owned(),
        Answer::Is(addresses) => format!("leads to {}", addresses.join(", ")),
        Answer::Changes(first, then) => {
            format!("leads to {}, from the second look-up on to {}", first.join(", "), then.join(", "))
        }
        Answer::Alias(other) => format!("is an alias (CNAME) of {other}"),
    };
    NAMES
        .iter()
        .map(|(id, name, answer, status, part)| {
            let sent = format!("{name} {}; only 127.0.0.2, .4 and .5 are open", said(answer));
            let must = match *status {
                "200" => "passes, to an address that was checked".to_owned(),
                status => format!("refused: {status} `{part}`"),
            };
            Row::new(id, sent, must, "attacks::names::a_name_leads_only_where_it_may")
        })
        .collect()
}
