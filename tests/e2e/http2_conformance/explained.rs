//! Cases that do not hold, and why that is left as it is.

/// The case and the explanation. One whose case holds is stale.
pub(super) const EXPLAINED: &[(&str, &str)] = &[
    (
        "9113 3.4 a request in the place of the first SETTINGS",
        "h2 looks at the 24 bytes of the preface only (`ReadPreface` in server.rs), and takes any frame behind them; without \
         settings the initial values are in force",
    ),
    (
        "9113 4.3 the fields of HEADERS that depend on themselves count",
        "h2 resets the stream before it decodes its fields (`header_block!` in codec/framed_read.rs), so that the next request \
         that needs them ends the connection; clients that use priorities never depend on themselves",
    ),
    (
        "9113 6.4 no RST_STREAM for an idle stream",
        "h2 keeps to RFC 7540 5.3.1, by which a PRIORITY frame that depends on itself is an error of its stream, in whatever \
         state that is (codec/framed_read.rs)",
    ),
    (
        "9113 8.1 a pseudo-header field in trailers",
        "h2 drops them (`recv_trailers` in proto/streams/recv.rs), so that nothing of them is passed on",
    ),
    (
        "9113 8.3.1 :path with a fragment",
        "h2 reads it by `http::uri::PathAndQuery`, which cuts off a fragment, so that rules see what the service gets",
    ),
    (
        "7541 4.2 an update where CONTINUATION begins",
        "h2 decodes a field block frame by frame, and looks for updates at the begin of each (`can_resize` in hpack/decoder.rs); \
         both sides still agree on the table",
    ),
];

pub(super) fn explanation(id: &str) -> Option<&'static str> {
    EXPLAINED.iter().find(|(known, _)| *known == id).map(|(_, why)| *why)
}
