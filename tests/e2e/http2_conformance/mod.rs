//! What RFC 9113, RFC 7541 and RFC 9110 demand of an HTTP/2 server, as an agent meets it inside of a tunnel: case by case, as the tool
//! h2spec does it, which no registry offers.

mod case;
mod explained;
mod frames;
mod generic;
mod hpack;
mod seen;
mod semantics;
mod sent;
mod streams;

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use futures_util::future::join_all;
use onecli_tests::{
    daemon::Daemon,
    generated::assert_generated,
    origin::Origin,
    raw_http2::{PING, RawHttp2, frame},
};

use case::{Case, Must, Sent, Step};
use explained::{EXPLAINED, explanation};
use seen::{PROBES, Seen};
use sent::HOST;

/// So many cases are tried at once.
const BATCH: usize = 16;
/// No case takes longer.
const LONGEST: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_correct_client_does_is_served() {
    hold(generic::CASES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_a_wrong_form_gets_its_error() {
    hold(frames::CASES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_at_a_wrong_time_gets_its_error_and_windows_are_kept() {
    hold(streams::CASES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_is_refused() {
    hold(semantics::CASES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn field_blocks_are_decoded_or_end_the_connection() {
    hold(hpack::CASES).await;
}

/// What a group is about, and its cases.
const GROUPS: [(&str, &[Case]); 5] = [
    ("what a correct client does", generic::CASES),
    ("frames of a wrong form", frames::CASES),
    ("frames at a wrong time, and flow control", streams::CASES),
    ("malformed requests", semantics::CASES),
    ("field blocks (HPACK)", hpack::CASES),
];

#[test]
fn the_table_of_http2_is_what_the_tests_say() {
    let mut names = BTreeSet::new();
    let mut rows = String::new();
    for (about, cases) in GROUPS {
        for case in cases {
            assert!(names.insert(case.id), "{} is there twice", case.id);
        }
        let differ = cases.iter().filter(|case| explanation(case.id).is_some()).count();
        writeln!(rows, "| {about} | {} | {} |", cases.len() - differ, differ).unwrap();
    }
    let mut explained = String::new();
    for (id, why) in EXPLAINED {
        assert!(names.contains(id), "there is no case {id}, which is explained: {why}");
        writeln!(explained, "| {id} | {why} |").unwrap();
    }
    let text = format!(
        "# HTTP/2, case by case\n\nWhat RFC 9113, RFC 7541 and RFC 9110 demand of a server, tried on the HTTP/2 that agents meet \
         inside of a CONNECT.\nThe cases are in `tests/e2e/http2_conformance`; `./test http2_conformance` tries them. Made by \
         `ONECLI_WRITE_DOCS=1 ./test the_table_of_http2`.\n\n\
         | cases | hold | differ |\n|---|---|---|\n{rows}\n\
         Those that differ do so in the HTTP library, and nothing of them reaches a service:\n\n\
         | case | why it is left |\n|---|---|\n{explained}"
    );
    assert_generated("docs/http2.md", &text, "the_table_of_http2");
}

async fn hold(cases: &'static [Case]) {
    let origin = Origin::start().await;
    // To log each frame takes longer than the frame.
    let daemon = Daemon::with(&origin, &["api.test:443"], &[("RUST_LOG", "info")]).await;
    let token = daemon.token().await;
    let mut wrong = Vec::new();
    for batch in cases.chunks(BATCH) {
        let tried = join_all(batch.iter().map(|case| attempt(&daemon, &token, case))).await;
        for (case, (holds, came)) in batch.iter().zip(tried) {
            let Case { id, must, .. } = case;
            match explanation(id) {
                None if !holds => wrong.push(format!("{id}: must be {must:?}; came {came}")),
                Some(why) if holds => {
                    wrong.push(format!("{id}: the explanation is stale ({why}); came {came}"))
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Whether a case holds, and what came.
async fn attempt(daemon: &Daemon, token: &str, case: &Case) -> (bool, String) {
    let late = |_| (false, format!("no end within {LONGEST:?}"));
    tokio::time::timeout(LONGEST, exchange(daemon, token, case)).await.unwrap_or_else(late)
}

async fn exchange(daemon: &Daemon, token: &str, case: &Case) -> (bool, String) {
    let (mut connection, steps) = match case.sent {
        Sent::Frames(frames) => (greeted(daemon, token).await, vec![Step::Bytes(frames())]),
        Sent::Steps(steps) => (greeted(daemon, token).await, steps()),
        Sent::All(bytes) => (RawHttp2::open_silent(daemon, token, HOST).await, vec![Step::Bytes(bytes())]),
    };
    let mut seen = Seen::default();
    for step in steps {
        match step {
            Step::Bytes(bytes) => {
                // Whether it is all taken is the other side's choice.
                connection.send(&bytes).await;
            }
            Step::UntilEnd => seen.read_until(&mut connection, Seen::has_ended).await,
            Step::UntilData(length) => {
                seen.read_until(&mut connection, |seen| seen.length() >= length).await;
            }
        }
    }
    if matches!(case.must, Must::NothingBad | Must::NothingBadOr(_)) {
        for probe in PROBES {
            connection.send(&frame(PING, 0, 0, probe)).await;
            seen.read_until(&mut connection, |seen| seen.has_pong(probe)).await;
        }
    }
    seen.read_until(&mut connection, |seen| seen.verdict(case.must).is_some()).await;
    (seen.verdict(case.must).unwrap_or_default(), seen.to_string())
}

/// A connection on which both sides know the settings of the other one.
async fn greeted(daemon: &Daemon, token: &str) -> RawHttp2 {
    let mut connection = RawHttp2::open(daemon, token, HOST).await;
    Seen::default().read_until(&mut connection, Seen::is_greeted).await;
    connection
}
