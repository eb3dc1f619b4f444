//! The table of attacks, held against the tests.

use std::collections::HashSet;

use onecli_tests::generated::{assert_generated, test_exists};

use super::{destinations, framing, headers, http2, names, upstream_tls};

/// One attack.
pub(super) struct Row {
    id: String,
    sent: String,
    must: String,
    test: String,
}

impl Row {
    pub(super) fn new(id: &str, sent: String, must: String, test: &str) -> Self {
        Self { id: id.to_owned(), sent, must, test: test.to_owned() }
    }
}

/// Bytes as they can stand in a table.
pub(super) fn shown(bytes: &str) -> String {
    let escaped = bytes.escape_default().to_string().replace("\\u{0}", "\\0").replace('|', "\\|");
    match escaped.len() > 160 {
        true => format!("`{}…`", escaped.chars().take(160).collect::<String>()),
        false => format!("`{escaped}`"),
    }
}

/// Attacks of which each is a test of its own, or a line of one: letter and number, what is sent, what must happen, and
/// the test. A test of a library stands with its crate.
const SINGLE: &[(&str, &str, &str, &str)] = &[
    (
        "A2",
        "a TLS name other than the CONNECT's",
        "421; the certificate is for the CONNECT's host",
        "identity::another_name_in_the_handshake_is_421",
    ),
    (
        "A9d",
        "a secret and a rule for `bücher.test`, a request to `xn--bcher-kva.test`",
        "the same host",
        "attacks::destinations::a_host_in_unicode_is_the_host_in_ascii",
    ),
    (
        "A10",
        "HTTP/2 `:authority` of another host on an open connection",
        "421",
        "identity::another_host_inside_a_tunnel_is_421",
    ),
    (
        "A11",
        "`evilx.com`, `x.com`, `x.com.evil.net` against `*.x.com`",
        "no match",
        "onecli-core model::host_pattern::a_leading_star_needs_a_label",
    ),
    (
        "A12",
        "a secret for `*`, `*.com` or `*.s3.amazonaws.com`",
        "refused when it is saved: 422",
        "onecli-core model::host_pattern::secrets_do_not_cover_public_suffixes",
    ),
    (
        "A18",
        "SSH inside a tunnel",
        "closed, not passed on",
        "identity::what_is_not_http_inside_a_tunnel_is_closed",
    ),
    (
        "A19",
        "SMTP to a host that is not a passthrough host, and to one that is",
        "closed; passed on",
        "tunnels::any_bytes_pass_where_nothing_is_looked_into_and_nowhere_else",
    ),
    (
        "A19b",
        "under `intercept=matched`, and through a passthrough host: a CONNECT to an address or another host, with the blocked host's name in the TLS handshake",
        "looked into, or closed: `host_mismatch`",
        "tunnels::a_rule_is_not_avoided_by_naming_another_host",
    ),
    (
        "A21",
        "a client that does not trust our root",
        "nothing passes, and an event says why",
        "identity::an_untrusting_client_shows_in_the_audit_log",
    ),
    (
        "B2",
        "a name whose given address is the metadata service's",
        "never opened",
        "onecli-core destination::guard::nothing_opens_metadata_or_ourselves",
    ),
    (
        "B9",
        "a passthrough host that leads to the metadata service",
        "403",
        "tunnels::a_tunnel_to_nowhere_says_so",
    ),
    (
        "B11",
        "every embedding of IPv4 in IPv6, and every special network",
        "judged as what it leads to",
        "onecli-core destination::address::private_addresses_are_private_in_every_dress",
    ),
    (
        "B12",
        "an allowed name, its port, and another name of the same address",
        "only that name opens it",
        "onecli-core destination::guard::private_only_by_name_or_network",
    ),
    (
        "C2",
        "a block of `/admin/*` against `//admin`, `%61dmin`, `%2561dmin`, `;a=b`, `%252e%252e`, `%255c`",
        "blocked",
        "onecli-core rules::tests::a_block_matches_every_reading_of_a_path",
    ),
    (
        "C3",
        "a grant of `/pub/*` against `//pub/x`, `%70ub`, `/pub/%252e%252e/admin`",
        "not granted",
        "onecli-core rules::tests::a_grant_needs_every_reading_of_a_path",
    ),
    (
        "C4",
        "`%2F` in a path",
        "sent as received; a block on either form matches",
        "onecli-core rules::tests::a_grant_needs_every_reading_of_a_path",
    ),
    (
        "C7",
        "`delete`, HEAD, `X-HTTP-Method-Override` and its like against a block of DELETE or GET",
        "blocked",
        "onecli-core rules::tests::a_block_matches_every_reading_of_a_method",
    ),
    (
        "C7b",
        "`X-Original-URL` and `X-Rewrite-URL` that name a blocked path, encoded or as a URL",
        "blocked; nothing is granted by the path that is not meant",
        "onecli-core rules::tests::a_header_that_names_another_path_counts_as_that_path",
    ),
    (
        "C8",
        "block and allow in any order",
        "blocked",
        "onecli-core rules::reference_tests::the_engine_says_what_the_definition_says_in_any_order",
    ),
    (
        "C9",
        "10.0.0.1 as `10.1`, `0xa.1`, `167772161`, `[::ffff:10.0.0.1]` against a block",
        "blocked",
        "onecli-core rules::tests::hosts_have_one_form_and_rules_any_port",
    ),
    (
        "C10",
        "the store of the rate limits away",
        "503 for what is counted, and the rest goes on",
        "store_faults::without_the_store_what_is_counted_is_refused_and_the_rest_goes_on",
    ),
    (
        "C4b",
        "a rule for `/group%2Fproject` against `%2f`, `/group/project`, `gr%6Fup%2Fproject`",
        "blocked; granted only as it is written",
        "onecli-core rules::tests::a_pattern_may_be_encoded_as_the_path_is",
    ),
    (
        "C14",
        "any rules, any path of encoded pieces, methods, agents and conditions, in any order",
        "what the definition says, written apart from the engine",
        "onecli-core rules::reference_tests::the_engine_says_what_the_definition_says_in_any_order",
    ),
    (
        "C11",
        "the blocked path in the query",
        "not blocked: the query is no part of the path",
        "onecli-core rules::tests::a_block_matches_every_reading_of_a_path",
    ),
    (
        "C13",
        "git's announcement of a push that is blocked",
        "blocked",
        "clients::a_pushs_announcement_is_blocked_like_the_push",
    ),
    (
        "C13b",
        "that announcement with path, name or value encoded, doubled, or behind `;`",
        "blocked",
        "onecli-core rules::tests::git_announces_what_it_will_do",
    ),
    (
        "C15",
        "a forbidden text gzipped, as JSON escapes, form-encoded twice, past 1 MiB, in an unknown coding",
        "blocked",
        "conditions::a_block_finds_a_text_in_every_form_of_a_body",
    ),
    (
        "C16",
        "a granted text past 1 MiB, or in an unknown coding",
        "not granted",
        "conditions::a_grant_is_judged_to_the_end",
    ),
    (
        "C17",
        "a forbidden parameter as `%66orce`, `%2566orce`, after `;`, behind `%26`",
        "blocked",
        "onecli-core rules::conditions::a_restriction_sees_every_form_of_a_query_and_a_grant_asks_for_all",
    ),
    (
        "C18",
        "a blocked path or narrow grant through a tunnel",
        "403 at the CONNECT",
        "tunnels::restrictions_count_by_host_alone_and_narrow_grants_not_at_all",
    ),
    (
        "C19",
        "a block made while a stream, an upload, a tunnel or a waiting request runs",
        "ended within 1 s, recorded `revoked`",
        "revocation::a_new_block_ends_what_it_matches_and_nothing_else",
    ),
    (
        "C19b",
        "a tunnel that stands while its host leaves the passthrough hosts, or the policy becomes `deny`",
        "ended within 1 s",
        "tunnels::a_tunnel_ends_when_it_would_not_be_one_any_more",
    ),
    (
        "C21",
        "a path of 10 KB in many forms and a query of many readings, as git's announcement",
        "bounded; what is too much to be known restricts",
        "onecli-core rules::tests::an_announcement_of_many_services_costs_little",
    ),
    (
        "D13",
        "200,000 interim answers (100 Continue) before the answer",
        "bounded memory",
        "attacks::headers::interim_answers_without_end_take_no_memory",
    ),
    (
        "D14",
        "`Expect: 100-continue` on a blocked request",
        "403 before the body is asked for",
        "conditions::what_the_head_decides_is_said_before_the_body_is_read",
    ),
    (
        "E6",
        "a secret with CR, LF or NUL",
        "refused when it is saved",
        "bad_input::the_api_says_what_is_wrong",
    ),
    (
        "E8b",
        "`X_Api_Key` beside an injected `X-Api-Key`, which CGI can't tell apart",
        "removed",
        "onecli-core model::header_spelling::hyphens_and_underscores_are_the_same",
    ),
    (
        "E12e",
        "a service's trailers that hold `x-onecli-error`",
        "dropped; others pass",
        "attacks::headers::trailers_cannot_speak_as_the_gateway_either",
    ),
    (
        "E13",
        "the injected header sent twice, in other case, and named in `Connection`, over HTTP/1.1",
        "one value arrives: the injected one",
        "identity::an_agent_cannot_keep_its_own_value_beside_the_injected_one",
    ),
    (
        "E14",
        "the injected query parameter in every encoding",
        "replaced",
        "injections::a_query_parameter_takes_the_place_of_every_spelling_of_it",
    ),
    (
        "E15",
        "a redirect that echoes the secret of a query or path",
        "replaced by what the agent had sent",
        "injections::a_query_parameter_takes_the_place_of_every_spelling_of_it",
    ),
    (
        "H1",
        "no token, a garbled or an unknown one",
        "407, and one event a minute",
        "policy::no_valid_token_is_407_and_one_event_a_minute",
    ),
    (
        "H2",
        "a token that was regenerated, on an open stream",
        "ended within 1 s",
        "revocation::a_stream_ends_with_its_permit",
    ),
    ("H4", "an agent's token as an API key", "401", "bad_input::only_an_api_key_opens_the_api"),
    (
        "I1",
        "20 secrets of odd shapes in every injection and outcome, at trace level; log, files, API and replies are searched, in 13 encodings",
        "found at the service alone",
        "leaks::a_secret_is_at_the_service_and_nowhere_else",
    ),
    (
        "I1b",
        "a service that repeats the secret as it breaks off (GOAWAY)",
        "the reply, the log and the event use our own words",
        "attacks::headers::what_a_service_says_in_breaking_off_is_not_repeated",
    ),
    (
        "I2",
        "`Debug` of a plaintext",
        "does not build",
        "onecli-core vault::tests::plaintext_is_read_only_where_it_must_be",
    ),
    (
        "I3",
        "SIGABRT, with core files asked for by the shell",
        "no core file",
        "leaks::a_daemon_that_aborts_leaves_no_core_file",
    ),
    (
        "I4",
        "calls that are refused, with a secret's value in any field",
        "the error names the field and never the value",
        "leaks::a_secret_is_at_the_service_and_nowhere_else",
    ),
    (
        "I5",
        "the environment and arguments of what `onecli run` starts",
        "no key, no token but the proxy's",
        "first_run::the_child_gets_no_key_and_all_that_clients_need",
    ),
    (
        "K1",
        "300 heads of 400 KB without an end and without a token",
        "cut off at the limit; bounded memory",
        "exhaustion::heads_without_an_end_take_little_memory",
    ),
    (
        "K2",
        "a service that takes a connection and is silent, does not begin its answer, or stalls in it",
        "504 `upstream_timeout`; cut off",
        "exhaustion::a_service_that_does_not_answer_is_504",
    ),
    (
        "K2b",
        "a request body that stalls, and a slow one",
        "408 `request_timeout`; passes",
        "exhaustion::a_body_may_last_but_not_stall",
    ),
    (
        "K3",
        "more connections than may be, of one agent and without a token",
        "503 `too_busy`; closed; who is there already is served",
        "exhaustion::connections_past_the_limit_are_closed_and_others_go_on",
    ),
    (
        "K4",
        "an upload that goes on behind a complete answer",
        "it ends with its exchange",
        "exhaustion::an_upload_ends_with_its_answer",
    ),
    (
        "K5",
        "denials of ever new hosts, failures included",
        "merged past 50 hosts in a second, and none is lost",
        "onecli-core audit::coalesce::hosts_without_end_are_merged_too_and_nothing_is_lost",
    ),
    (
        "K5b",
        "a path of 30 KB; a method of 33 letters",
        "shortened in the event; 400",
        "onecli-core audit::tests::a_long_path_is_shortened",
    ),
    (
        "K6",
        "a body past the limit, announced and chunked",
        "413 `request_too_large`",
        "exhaustion::a_body_that_is_too_large_is_413_however_it_is_framed",
    ),
    (
        "K7",
        "a burst of handshakes for one host",
        "one certificate is made",
        "onecli-core ca::tests::a_burst_for_one_host_makes_one_leaf",
    ),
    (
        "K8",
        "a gzip bomb against a body condition",
        "bounded; the block matches",
        "onecli-core rules::body::coding::what_cannot_be_decoded_is_nothing",
    ),
    (
        "K7b",
        "handshakes for 10,000 hosts",
        "at most 2,000 certificates are kept",
        "onecli-core ca::tests::ten_thousand_hosts_fill_no_memory",
    ),
    (
        "L1",
        "the modes of data directory and key file",
        "0700 and 0600; the authority's key is sealed in the store",
        "onecli-daemon data_dir::a_key_is_never_made_anew_beside_a_database",
    ),
    (
        "K8b",
        "zstd with a window of 128 MiB, of 100,000 frames; 50 codings",
        "not decoded; the block matches",
        "onecli-core rules::body::coding::what_asks_for_much_memory_is_not_decoded",
    ),
    (
        "L1b",
        "a data directory that was made open to others",
        "closed to them at start",
        "onecli-daemon data_dir::a_directory_that_is_open_to_others_is_closed",
    ),
    (
        "H3",
        "another user who listens on the API's port while no daemon runs",
        "gets no key: the owner's goes over the socket alone",
        "onecli-sdk client::tests::the_owner_key_goes_to_no_port",
    ),
    (
        "L2",
        "another master key",
        "the daemon refuses to start and changes nothing",
        "bad_input::a_wrong_master_key_changes_nothing",
    ),
    (
        "L3",
        "a sealed value moved to another row or edited",
        "does not open",
        "onecli-core vault::tests::a_value_opens_only_for_the_secret_that_it_was_sealed_for",
    ),
    (
        "L4",
        "a million values sealed (`./test --long`)",
        "no nonce twice",
        "onecli-core vault::tests::no_nonce_comes_twice",
    ),
    (
        "L5",
        "what clients look for in certificates of root and hosts",
        "SAN (IP for addresses), AKI, at most 397 days, backdated, keys of their own; root: keyCertSign, pathlen 0",
        "onecli-core ca::tests::certificates_are_what_clients_ask_for",
    ),
    (
        "L10",
        "a policy in the store that can't be read, while running and at start",
        "the one from before stays in force and is said to; no start without one",
        "store_faults::a_policy_that_cannot_be_read_leaves_the_one_from_before_in_force",
    ),
];

fn all() -> Vec<Row> {
    let single = SINGLE
        .iter()
        .map(|(id, sent, must, test)| Row::new(id, (*sent).to_owned(), (*must).to_owned(), test));
    let mut rows: Vec<Row> = single.collect();
    rows.extend(destinations::rows());
    rows.extend(framing::rows());
    rows.extend(headers::rows());
    rows.extend(http2::rows());
    rows.extend(names::rows());
    rows.extend(upstream_tls::rows());
    rows.sort_by_key(|row| {
        let digits: String = row.id.chars().filter(char::is_ascii_digit).collect();
        (row.id.chars().next(), digits.parse::<u32>().unwrap(), row.id.clone())
    });
    rows
}

fn markdown(rows: &[Row]) -> String {
    let mut text = format!(
        "# Attacks\n\n{} attacks, each with the test that tries it against a real daemon and a real service, or against the part \
         that it would have to get round. Made by `ONECLI_WRITE_DOCS=1 ./test the_table_of_attacks`; a test fails when it is not \
         what the tests say.\n\nRows of D and E are judged by the raw bytes that reach the service. *Bare 400*: hyper refuses it \
         before there is a request.\n\n| | what is sent | what must happen | test |\n|---|---|---|---|\n",
        rows.len()
    );
    for Row { id, sent, must, test } in rows {
        text.push_str(&format!("| {id} | {sent} | {must} | `{test}` |\n"));
    }
    text
}

#[test]
fn the_table_of_attacks_is_what_the_tests_say() {
    let rows = all();
    let ids: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "an id stands twice");
    for row in &rows {
        assert!(test_exists(&row.test), "{}: there is no test {}", row.id, row.test);
    }
    assert!(rows.len() >= 120, "{}", rows.len());
    assert_generated("tests/attacks.md", &markdown(&rows), "the_table_of_attacks");
}
