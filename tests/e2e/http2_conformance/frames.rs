//! Frames whose form is wrong (RFC 9113 3, 4 and 6).

use onecli_tests::raw_http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM,
    ErrorCode::{FlowControlError, FrameSizeError, ProtocolError},
    GOAWAY, HAS_PRIORITY, HEADERS, PADDED, PING, PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    frame, reset, settings, window_update,
};

use super::{
    case::{
        Case,
        Must::{ConnectionError, StreamError},
        Step::{Bytes, UntilEnd},
        case, from_the_start, in_steps,
    },
    sent::{INITIAL_WINDOW, UNKNOWN, data, get, padded, post, preface, priority, request, unended, waiting},
};

/// One byte more than a frame may hold.
static TOO_MUCH: [u8; 16_385] = [0; 16_385];

pub(super) const CASES: &[Case] = &[
    from_the_start(
        "9113 3.4 a preface with a mistake",
        || [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_vec(), settings(&[])].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    from_the_start("9113 3.4 no preface", || settings(&[]), ConnectionError(&[ProtocolError])),
    from_the_start(
        "9113 3.4 HTTP/1.1 in the place of the preface",
        || b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n".to_vec(),
        ConnectionError(&[ProtocolError]),
    ),
    from_the_start(
        "9113 3.4 a request in the place of the first SETTINGS",
        || [preface(), get(1, "/")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 4.2 DATA that is too large",
        || [post(&[]), data(END_STREAM, &TOO_MUCH)].concat(),
        StreamError(&[FrameSizeError]),
    ),
    case(
        "9113 4.2 HEADERS that are too large",
        || frame(HEADERS, END_HEADERS | END_STREAM, 1, &TOO_MUCH),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 4.2 CONTINUATION that is too large",
        || [unended(), frame(CONTINUATION, END_HEADERS, 1, &TOO_MUCH)].concat(),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 4.2 SETTINGS that are too large",
        || settings(&[(0xfa, 0); 2731]),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 4.2 an unknown frame that is too large",
        || frame(UNKNOWN, 0, 0, &TOO_MUCH),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 4.2 DATA without its padding's length",
        || [post(&[]), data(PADDED, b"")].concat(),
        StreamError(&[FrameSizeError]),
    ),
    case(
        "9113 4.2 HEADERS without their padding's length",
        || frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, b""),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 4.2 HEADERS too short for their priority",
        || frame(HEADERS, END_HEADERS | END_STREAM | HAS_PRIORITY, 1, b"\0\0\0\0"),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 4.3 DATA in a field block",
        || [unended(), data(0, b"x")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 4.3 HEADERS in a field block",
        || [unended(), get(1, "/")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 4.3 HEADERS of another stream in a field block",
        || [unended(), get(3, "/")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 4.3 PRIORITY in a field block",
        || [unended(), priority(1, 0)].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 4.3 RST_STREAM in a field block",
        || [unended(), reset(1, 8)].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 4.3 SETTINGS in a field block",
        || [unended(), settings(&[])].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 4.3 PING in a field block",
        || [unended(), frame(PING, 0, 0, &[0; 8])].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 4.3 WINDOW_UPDATE in a field block",
        || [unended(), window_update(0, 1)].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 5.5 an unknown frame in a field block",
        || [unended(), frame(UNKNOWN, 0, 1, b"?")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case("9113 6.1 DATA on stream 0", || frame(DATA, 0, 0, b"x"), ConnectionError(&[ProtocolError])),
    case(
        "9113 6.1 as much padding as payload",
        || [post(&[]), data(END_STREAM | PADDED, b"\x05four")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 6.1 more padding than payload",
        || [post(&[]), data(END_STREAM | PADDED, b"\xfffour")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case("9113 6.2 HEADERS on stream 0", || get(0, "/"), ConnectionError(&[ProtocolError])),
    case(
        "9113 6.2 HEADERS with more padding than payload",
        || {
            let mut payload = padded(&request("GET", "/", &[]), 0);
            payload[0] = 255;
            frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, &payload)
        },
        ConnectionError(&[ProtocolError]),
    ),
    case("9113 6.3 PRIORITY on stream 0", || priority(0, 1), ConnectionError(&[ProtocolError])),
    case(
        "9113 6.3 PRIORITY of four bytes",
        || [waiting(), frame(PRIORITY, 0, 1, &[0; 4])].concat(),
        StreamError(&[FrameSizeError]),
    ),
    case(
        "9113 6.3 PRIORITY of six bytes",
        || [waiting(), frame(PRIORITY, 0, 1, &[0; 6])].concat(),
        StreamError(&[FrameSizeError]),
    ),
    case("9113 6.4 RST_STREAM on stream 0", || reset(0, 8), ConnectionError(&[ProtocolError])),
    case(
        "9113 6.4 RST_STREAM of three bytes",
        || [waiting(), frame(RST_STREAM, 0, 1, &[0; 3])].concat(),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 6.4 RST_STREAM of five bytes",
        || [waiting(), frame(RST_STREAM, 0, 1, &[0; 5])].concat(),
        ConnectionError(&[FrameSizeError]),
    ),
    case("9113 6.5 SETTINGS on a stream", || frame(SETTINGS, 0, 1, &[]), ConnectionError(&[ProtocolError])),
    case(
        "9113 6.5 an acknowledgment with settings",
        || frame(SETTINGS, ACK, 0, &[0; 6]),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 6.5 SETTINGS of five bytes",
        || frame(SETTINGS, 0, 0, &[0; 5]),
        ConnectionError(&[FrameSizeError]),
    ),
    case("9113 6.5.2 SETTINGS_ENABLE_PUSH of 2", || settings(&[(2, 2)]), ConnectionError(&[ProtocolError])),
    case(
        "9113 6.5.2 SETTINGS_INITIAL_WINDOW_SIZE of 2^31",
        || settings(&[(INITIAL_WINDOW, 1 << 31)]),
        ConnectionError(&[FlowControlError]),
    ),
    case(
        "9113 6.5.2 SETTINGS_MAX_FRAME_SIZE of 2^14 - 1",
        || settings(&[(5, 0x3fff)]),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 6.5.2 SETTINGS_MAX_FRAME_SIZE of 2^24",
        || settings(&[(5, 1 << 24)]),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 6.6 PUSH_PROMISE on a stream that is not there",
        || {
            frame(
                PUSH_PROMISE,
                END_HEADERS,
                1,
                &[2_u32.to_be_bytes().to_vec(), request("GET", "/", &[])].concat(),
            )
        },
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 6.6 PUSH_PROMISE on an open stream",
        || {
            let promised = [2_u32.to_be_bytes().to_vec(), request("GET", "/", &[])].concat();
            [post(&[]), frame(PUSH_PROMISE, END_HEADERS, 1, &promised)].concat()
        },
        ConnectionError(&[ProtocolError]),
    ),
    case("9113 6.7 PING on a stream", || frame(PING, 0, 1, &[0; 8]), ConnectionError(&[ProtocolError])),
    case("9113 6.7 PING of seven bytes", || frame(PING, 0, 0, &[0; 7]), ConnectionError(&[FrameSizeError])),
    case("9113 6.7 PING of nine bytes", || frame(PING, 0, 0, &[0; 9]), ConnectionError(&[FrameSizeError])),
    case("9113 6.8 GOAWAY on a stream", || frame(GOAWAY, 0, 1, &[0; 8]), ConnectionError(&[ProtocolError])),
    case(
        "9113 6.8 GOAWAY of seven bytes",
        || frame(GOAWAY, 0, 0, &[0; 7]),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 6.9 WINDOW_UPDATE of three bytes",
        || frame(WINDOW_UPDATE, 0, 0, &[1; 3]),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 6.9 WINDOW_UPDATE of five bytes",
        || frame(WINDOW_UPDATE, 0, 0, &[1; 5]),
        ConnectionError(&[FrameSizeError]),
    ),
    case(
        "9113 6.10 CONTINUATION on stream 0",
        || [unended(), frame(CONTINUATION, END_HEADERS, 0, b"")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 6.10 CONTINUATION on another stream",
        || [unended(), frame(CONTINUATION, END_HEADERS, 3, b"")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 6.10 CONTINUATION of nothing",
        || frame(CONTINUATION, END_HEADERS, 1, &request("GET", "/", &[])),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 6.10 CONTINUATION behind the end of a field block",
        || [waiting(), frame(CONTINUATION, END_HEADERS, 1, b"")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 6.10 CONTINUATION behind the last CONTINUATION",
        || {
            let last = frame(CONTINUATION, END_HEADERS, 1, b"");
            [unended(), last.clone(), last].concat()
        },
        ConnectionError(&[ProtocolError]),
    ),
    case(
        "9113 6.10 CONTINUATION behind DATA",
        || [post(&[]), data(0, b"x"), frame(CONTINUATION, END_HEADERS, 1, b"")].concat(),
        ConnectionError(&[ProtocolError]),
    ),
    in_steps(
        "9113 6.10 CONTINUATION behind an answer",
        || vec![Bytes(get(1, "/")), UntilEnd, Bytes(frame(CONTINUATION, END_HEADERS, 1, b""))],
        ConnectionError(&[ProtocolError]),
    ),
];
