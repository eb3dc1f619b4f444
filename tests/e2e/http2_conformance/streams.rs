//! Frames that do not fit the state of their stream, and flow control (RFC 9113 5 and 6.9).

use onecli_tests::raw_http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM,
    ErrorCode::{FlowControlError, ProtocolError, RefusedStream, StreamClosed},
    HAS_PRIORITY, HEADERS, fields, frame, reset, settings, window_update,
};

use super::{
    case::{
        Case,
        Must::{AnswerOr, Body, Closed, ConnectionError, NothingBad, NothingBadOr, Stop, StreamError},
        Step::{Bytes, UntilData, UntilEnd},
        case, in_steps,
    },
    sent::{INITIAL_WINDOW, data, dependent, get, only, post, priority, request, waiting},
};

/// The highest window (RFC 9113 6.9.1), and the one that a stream and a connection begin with.
const HIGHEST: u32 = 0x7fff_ffff;
const FIRST: u32 = 65_535;

fn window(size: u32) -> Vec<u8> {
    settings(&[(INITIAL_WINDOW, size)])
}

fn continuation() -> Vec<u8> {
    frame(CONTINUATION, END_HEADERS, 1, &fields([("x-a", "1")]))
}

pub(super) const CASES: &[Case] = &[
    case(
        "9113 5.1 DATA on an idle stream",
        || data(END_STREAM, b"x"),
        ConnectionError(&[ProtocolError, StreamClosed]),
    ),
    case("9113 5.1 RST_STREAM on an idle stream", || reset(1, 8), ConnectionError(&[ProtocolError])),
    case(
        "9113 5.1 WINDOW_UPDATE on an idle stream",
        || window_update(1, 1),
        ConnectionError(&[ProtocolError]),
    ),
    case("9113 5.1 CONTINUATION on an idle stream", continuation, ConnectionError(&[ProtocolError])),
    case(
        "9113 5.1 RST_STREAM on an idle stream of the server",
        || reset(2, 8),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 5.1 WINDOW_UPDATE on an idle stream of the server",
        || window_update(2, 1),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 5.1 DATA on a half-closed stream",
        || [waiting(), data(END_STREAM, b"x")].concat(),
        StreamError(&[StreamClosed]),
    ),
    case(
        "9113 5.1 HEADERS on a half-closed stream",
        || [waiting(), get(1, "/")].concat(),
        StreamError(&[StreamClosed]),
    ),
    case(
        "9113 5.1 HEADERS without an end on a half-closed stream",
        || [waiting(), post(&[])].concat(),
        StreamError(&[StreamClosed]),
    ),
    case(
        "9113 5.1 CONTINUATION on a half-closed stream",
        || [waiting(), continuation()].concat(),
        StreamError(&[StreamClosed]),
    ),
    case(
        "9113 5.1 DATA behind trailers",
        || [post(&[]), only(&[("x-sum", "1")]), data(END_STREAM, b"x")].concat(),
        StreamError(&[StreamClosed]),
    ),
    in_steps(
        "9113 5.1 DATA on a closed stream",
        || vec![Bytes(get(1, "/")), UntilEnd, Bytes(data(END_STREAM, b"x"))],
        StreamError(&[StreamClosed]),
    ),
    in_steps(
        "9113 5.1 HEADERS on a closed stream",
        || vec![Bytes(get(1, "/")), UntilEnd, Bytes(get(1, "/"))],
        StreamError(&[StreamClosed]),
    ),
    case(
        "9113 5.1 DATA on a stream that was reset",
        || [post(&[]), reset(1, 8), data(END_STREAM, b"x")].concat(),
        StreamError(&[StreamClosed]),
    ),
    case(
        "9113 5.1 HEADERS on a stream that was reset",
        || [post(&[]), reset(1, 8), get(1, "/")].concat(),
        StreamError(&[StreamClosed]),
    ),
    case(
        "9113 5.1 CONTINUATION on a stream that was reset",
        || [post(&[]), reset(1, 8), continuation()].concat(),
        StreamError(&[StreamClosed]),
    ),
    case("9113 5.1.1 an even stream number", || get(2, "/"), ConnectionError(&[ProtocolError])),
    case(
        "9113 5.1.1 a lower stream number",
        || [get(5, "/"), get(3, "/")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 5.1.1 DATA on a stream that was left out",
        || [get(5, "/"), data(END_STREAM, b"x")].concat(),
        StreamError(&[StreamClosed]),
    ),
    case(
        "9113 5.1.2 more streams than are allowed",
        || (0..210).flat_map(|number| get(number * 2 + 1, "/wait")).collect(),
        StreamError(&[RefusedStream]),
    ),
    case(
        "9113 5.3.2 HEADERS that depend on themselves",
        || {
            let payload = dependent(1, &request("GET", "/", &[]));
            frame(HEADERS, END_HEADERS | END_STREAM | HAS_PRIORITY, 1, &payload)
        },
        AnswerOr(&[ProtocolError]),
    ),
    case(
        "9113 5.3.2 PRIORITY that depends on itself",
        || [waiting(), priority(1, 1)].concat(),
        NothingBadOr(&[ProtocolError]),
    ),
    case("9113 5.4.1 the connection ends after its error", || frame(DATA, 0, 0, b"x"), Closed),
    in_steps(
        "9113 6.4 nothing is sent on a stream that was reset",
        || {
            vec![
                Bytes([window(3), get(1, "/bytes/9")].concat()),
                UntilData(3),
                Bytes([reset(1, 8), window(100)].concat()),
            ]
        },
        Stop(3),
    ),
    case("9113 6.4 no RST_STREAM for an idle stream", || priority(1, 1), NothingBad),
    case(
        "9113 6.5.3 the last value of a setting",
        || [settings(&[(INITIAL_WINDOW, 0), (INITIAL_WINDOW, 2)]), get(1, "/bytes/5")].concat(),
        Stop(2),
    ),
    case("9113 6.9 WINDOW_UPDATE of nothing", || window_update(0, 0), ConnectionError(&[ProtocolError])),
    case(
        "9113 6.9 WINDOW_UPDATE of nothing on a stream",
        || [waiting(), window_update(1, 0)].concat(),
        StreamError(&[ProtocolError]),
    ),
    case(
        "9113 6.9.1 no more than the window of a stream",
        || [window(1), get(1, "/bytes/5")].concat(),
        Stop(1),
    ),
    case("9113 6.9.1 nothing without a window", || [window(0), get(1, "/bytes/5")].concat(), Stop(0)),
    case(
        "9113 6.9.1 an end needs no window",
        || [window(0), get(1, "/bytes/0")].concat(),
        Body { stream: 1, length: 0 },
    ),
    case(
        "9113 6.9.1 as much as WINDOW_UPDATE allows",
        || [window(0), get(1, "/bytes/5"), window_update(1, 2)].concat(),
        Stop(2),
    ),
    case(
        "9113 6.9.1 no more than the window of the connection",
        || [window(1 << 20), get(1, "/bytes/70000")].concat(),
        Stop(65_535),
    ),
    case(
        "9113 6.9.1 as much as WINDOW_UPDATE of the connection allows",
        || [window(1 << 20), window_update(0, 10), get(1, "/bytes/70000")].concat(),
        Stop(65_545),
    ),
    case(
        "9113 6.9.1 both windows are wide",
        || [window_update(0, 100_000), get(1, "/bytes/70000"), window_update(1, 100_000)].concat(),
        Body { stream: 1, length: 70_000 },
    ),
    case(
        "9113 6.9.1 too high a window of the connection",
        || window_update(0, HIGHEST),
        ConnectionError(&[FlowControlError]),
    ),
    case(
        "9113 6.9.1 too high a window of a stream",
        || [waiting(), window_update(1, HIGHEST)].concat(),
        StreamError(&[FlowControlError]),
    ),
    case(
        "9113 6.9.2 a setting changes the windows of open streams",
        || [window(0), get(1, "/bytes/5"), window(3)].concat(),
        Stop(3),
    ),
    in_steps(
        "9113 6.9.2 a window below nothing",
        || {
            vec![
                Bytes([window(3), get(1, "/bytes/9")].concat()),
                UntilData(3),
                // Minus 1, then 1.
                Bytes([window(2), window_update(1, 2)].concat()),
            ]
        },
        Stop(4),
    ),
    case(
        "9113 6.9.2 a setting that makes a window too high",
        || [waiting(), window_update(1, HIGHEST - FIRST), window(FIRST + 1)].concat(),
        ConnectionError(&[FlowControlError]),
    ),
];
