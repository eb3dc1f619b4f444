//! The table of attacks, held against the tests.

use std::collections::HashSet;

use onecli_tests::generated::{assert_generated, test_exists};

use super::{
    destinations, framing, headers, http2, names, single_agents::AGENTS, single_requests::REQUESTS,
    upstream_tls,
};

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

fn all() -> Vec<Row> {
    let single = REQUESTS
        .iter()
        .chain(AGENTS)
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
