//! How much, and how long, agents and services may take.

use std::time::Duration;

use onecli_core::gateway::Limits;

use super::Source;

/// The limits that are set; the rest depends on how many files the process may open.
#[derive(Clone, Debug)]
pub struct LimitSettings {
    limits: Limits,
    connections: Option<usize>,
    connections_per_agent: Option<usize>,
}

/// Files that are not connections: database, journal, API and what the system takes.
const OTHER_FILES: u64 = 256;
const A_DAY: u64 = 24 * 60 * 60;

impl LimitSettings {
    pub(super) fn read(source: &mut Source<'_>) -> Self {
        let standard = Limits::default();
        let mut number = |name: &str, least: u64, most: u64, example: &str| {
            source.parsed(name, example, |text| match text.parse::<u64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(format!("`{}` is not a number from {least} to {most}", text.escape_debug())),
            })
        };
        let size = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
        let header_bytes = size(number("ONECLI_MAX_HEADER_BYTES", 1024, 1 << 20, "65536"));
        let header_count = size(number("ONECLI_MAX_HEADERS", 10, 10_000, "100"));
        let uri_bytes = size(number("ONECLI_MAX_URI_BYTES", 256, 60_000, "32768"));
        let body_bytes = number("ONECLI_MAX_BODY_BYTES", 1, u64::MAX, "104857600");
        let connections = size(number("ONECLI_MAX_CONNECTIONS", 1, 1_000_000, "10000"));
        let connections_per_agent = size(number("ONECLI_MAX_CONNECTIONS_PER_AGENT", 1, 1_000_000, "1000"));
        let streams = number("ONECLI_MAX_STREAMS", 1, 10_000, "200").and_then(|n| u32::try_from(n).ok());
        let resets = size(number("ONECLI_MAX_RESETS", 1, 10_000, "100"));
        let mut seconds =
            |name: &str, example: &str| number(name, 1, A_DAY, example).map(Duration::from_secs);
        let limits = Limits {
            header_bytes: header_bytes.unwrap_or(standard.header_bytes),
            header_count: header_count.unwrap_or(standard.header_count),
            uri_bytes: uri_bytes.unwrap_or(standard.uri_bytes),
            body_bytes,
            streams: streams.unwrap_or(standard.streams),
            resets: resets.unwrap_or(standard.resets),
            head: seconds("ONECLI_HEAD_SECONDS", "120").unwrap_or(standard.head),
            handshake: seconds("ONECLI_HANDSHAKE_SECONDS", "10").unwrap_or(standard.handshake),
            connect: seconds("ONECLI_CONNECT_SECONDS", "10").unwrap_or(standard.connect),
            first_byte: seconds("ONECLI_FIRST_BYTE_SECONDS", "600").unwrap_or(standard.first_byte),
            stall: seconds("ONECLI_STALL_SECONDS", "900").unwrap_or(standard.stall),
            ..standard
        };
        Self { limits, connections, connections_per_agent }
    }

    /// The limits of a process that may open so many files: a quarter of them is left for connections to services, which most
    /// connections of agents don't need at the same time.
    #[must_use]
    pub fn within(&self, open_files: u64) -> Limits {
        let room =
            usize::try_from(open_files.saturating_sub(OTHER_FILES) / 4 * 3).unwrap_or(usize::MAX).max(1);
        let connections = self.connections.unwrap_or(self.limits.connections).min(room);
        // One agent leaves room for others.
        let per_agent = self.connections_per_agent.unwrap_or(connections.div_ceil(4) * 3).min(connections);
        Limits { connections, connections_per_agent: per_agent, ..self.limits.clone() }
    }
}
