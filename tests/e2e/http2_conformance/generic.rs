//! What a correct client does, and is served for.

use onecli_tests::raw_http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ErrorCode::NoError, HAS_PRIORITY, HEADERS, PADDED,
    PING, SETTINGS, fields, frame, reset, settings, window_update,
};

use super::{
    case::{
        Case,
        Must::{Answer, Body, ConnectionError, NothingBad, PingAck, SettingsAcks, Status},
        Step::{Bytes, UntilEnd},
        case, from_the_start, in_steps,
    },
    sent::{
        HOST, UNKNOWN, data, dependent, get, go_away, in_frames, only, padded, post, preface, priority,
        request, waiting, with,
    },
};

pub(super) const CASES: &[Case] = &[
    from_the_start(
        "9113 3.4 the preface and empty settings",
        || [preface(), settings(&[])].concat(),
        SettingsAcks(1),
    ),
    from_the_start(
        "9113 3.4 the preface and every setting",
        || {
            let all = [(1, 4096), (2, 0), (3, 100), (4, 65_535), (5, 16_384), (6, 65_536)];
            [preface(), settings(&all)].concat()
        },
        SettingsAcks(1),
    ),
    from_the_start(
        "9113 3.4 a request that waits for no settings",
        || [preface(), settings(&[]), get(1, "/")].concat(),
        Answer,
    ),
    case(
        "9113 4.1 the reserved bit before a stream's number",
        || frame(HEADERS, END_HEADERS | END_STREAM, 0x8000_0001, &request("GET", "/", &[])),
        Answer,
    ),
    case(
        "9113 4.1 PING with flags that mean nothing",
        || frame(PING, 0xfe, 0, b"any bits"),
        PingAck(*b"any bits"),
    ),
    case("9113 4.1 SETTINGS with flags that mean nothing", || frame(SETTINGS, 0xfe, 0, &[]), SettingsAcks(1)),
    case(
        "9113 4.1 HEADERS with flags that mean nothing",
        || frame(HEADERS, END_HEADERS | END_STREAM | 0xd2, 1, &request("GET", "/", &[])),
        Answer,
    ),
    case(
        "9113 4.1 DATA with flags that mean nothing",
        || [post(&[]), data(END_STREAM | 0xf6, b"abcd")].concat(),
        Body { stream: 1, length: 4 },
    ),
    case(
        "9113 4.2 DATA of exactly 16,384 bytes",
        || [post(&[]), data(END_STREAM, &[b'x'; 16_384])].concat(),
        Body { stream: 1, length: 16_384 },
    ),
    case("9113 4.3 a field block in two frames", || in_frames(2), Answer),
    case("9113 4.3 a field block in five frames", || in_frames(5), Answer),
    case(
        "9113 4.3 frames of a field block that hold nothing",
        || {
            let block = request("GET", "/", &[]);
            let empty = frame(CONTINUATION, 0, 1, &[]);
            [
                frame(HEADERS, END_STREAM, 1, &[]),
                empty.clone(),
                frame(CONTINUATION, 0, 1, &block),
                empty,
                frame(CONTINUATION, END_HEADERS, 1, &[]),
            ]
            .concat()
        },
        Answer,
    ),
    case("9113 5.1 PRIORITY on an idle stream", || [priority(1, 0), get(1, "/")].concat(), Answer),
    case("9113 5.1 PRIORITY on a half-closed stream", || [waiting(), priority(1, 0)].concat(), NothingBad),
    case(
        "9113 5.1 WINDOW_UPDATE on a half-closed stream",
        || [waiting(), window_update(1, 1)].concat(),
        NothingBad,
    ),
    case("9113 5.1 RST_STREAM on a half-closed stream", || [waiting(), reset(1, 8)].concat(), NothingBad),
    case("9113 5.1 RST_STREAM on an open stream", || [post(&[]), reset(1, 8)].concat(), NothingBad),
    in_steps(
        "9113 5.1 PRIORITY on a closed stream",
        || vec![Bytes(get(1, "/")), UntilEnd, Bytes(priority(1, 0))],
        NothingBad,
    ),
    in_steps(
        "9113 5.1 WINDOW_UPDATE on a closed stream",
        || vec![Bytes(get(1, "/")), UntilEnd, Bytes(window_update(1, 1))],
        NothingBad,
    ),
    in_steps(
        "9113 5.1 RST_STREAM on a closed stream",
        || vec![Bytes(get(1, "/")), UntilEnd, Bytes(reset(1, 8))],
        NothingBad,
    ),
    case("9113 5.4.2 RST_STREAM twice", || [waiting(), reset(1, 8), reset(1, 8)].concat(), NothingBad),
    case("9113 5.1.1 PRIORITY opens no stream", || [priority(7, 0), get(1, "/")].concat(), Answer),
    case("9113 5.1.1 numbers that are left out", || get(5, "/bytes/7"), Body { stream: 5, length: 7 }),
    case(
        "9113 5.1.1 the highest number",
        || get(0x7fff_ffff, "/bytes/7"),
        Body { stream: 0x7fff_ffff, length: 7 },
    ),
    case(
        "9113 5.1.1 WINDOW_UPDATE on a stream that was left out",
        || [get(5, "/"), window_update(3, 1)].concat(),
        NothingBad,
    ),
    in_steps(
        "9113 5.1 one request after another",
        || vec![Bytes(get(1, "/")), UntilEnd, Bytes(get(3, "/bytes/7"))],
        Body { stream: 3, length: 7 },
    ),
    case(
        "9113 5.1.2 fifty requests at once",
        || (0..50).flat_map(|number| get(number * 2 + 1, "/bytes/7")).collect(),
        Body { stream: 99, length: 7 },
    ),
    case("9113 5.5 an unknown frame", || [frame(UNKNOWN, 0xff, 0, b"?"), get(1, "/")].concat(), Answer),
    case(
        "9113 5.5 an unknown frame on an idle stream",
        || [frame(UNKNOWN, 0xff, 1, b"?"), get(1, "/")].concat(),
        Answer,
    ),
    case(
        "9113 6.1 one DATA frame",
        || [post(&[]), data(END_STREAM, b"abcd")].concat(),
        Body { stream: 1, length: 4 },
    ),
    case(
        "9113 6.1 several DATA frames, some of them empty",
        || [post(&[]), data(0, b"ab"), data(0, b""), data(0, b"cd"), data(END_STREAM, b"")].concat(),
        Body { stream: 1, length: 4 },
    ),
    case(
        "9113 6.1 padded DATA",
        || [post(&[]), data(END_STREAM | PADDED, &padded(b"abcd", 255))].concat(),
        Body { stream: 1, length: 4 },
    ),
    case(
        "9113 6.1 DATA that is nothing but padding",
        || [post(&[]), data(PADDED, &padded(b"", 9)), data(END_STREAM, b"abcd")].concat(),
        Body { stream: 1, length: 4 },
    ),
    case(
        "9113 6.2 padded HEADERS",
        || frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, &padded(&request("GET", "/", &[]), 9)),
        Answer,
    ),
    case(
        "9113 6.2 HEADERS with a priority",
        || {
            let payload = dependent(0, &request("GET", "/", &[]));
            frame(HEADERS, END_HEADERS | END_STREAM | HAS_PRIORITY, 1, &payload)
        },
        Answer,
    ),
    case(
        "9113 6.2 padded HEADERS with a priority",
        || {
            let payload = padded(&dependent(0x8000_0003, &request("GET", "/", &[])), 9);
            frame(HEADERS, END_HEADERS | END_STREAM | HAS_PRIORITY | PADDED, 1, &payload)
        },
        Answer,
    ),
    case("9113 6.5.3 every SETTINGS frame is acknowledged", || settings(&[]).repeat(3), SettingsAcks(3)),
    case("9113 6.5.2 an unknown setting", || settings(&[(0xfa, 1)]), SettingsAcks(1)),
    case("9113 6.5.2 the largest SETTINGS_MAX_FRAME_SIZE", || settings(&[(5, 0xff_ffff)]), SettingsAcks(1)),
    case(
        "9113 6.5.2 the largest SETTINGS_INITIAL_WINDOW_SIZE",
        || settings(&[(4, 0x7fff_ffff)]),
        SettingsAcks(1),
    ),
    case("9113 6.7 PING", || frame(PING, 0, 0, b"8 bytes!"), PingAck(*b"8 bytes!")),
    case(
        "9113 6.7 PING while a stream is open",
        || [waiting(), frame(PING, 0, 0, b"8 bytes!")].concat(),
        PingAck(*b"8 bytes!"),
    ),
    case("9113 6.7 an acknowledgment of no PING", || frame(PING, ACK, 0, b"8 bytes!"), NothingBad),
    case("9113 6.8 GOAWAY behind a request", || [get(1, "/"), go_away(b"")].concat(), Answer),
    case("9113 6.8 GOAWAY with a reason", || [get(1, "/"), go_away(b"enough")].concat(), Answer),
    case("9113 6.8 GOAWAY when nothing is open", || go_away(b""), ConnectionError(&[NoError])),
    case("9113 6.9 WINDOW_UPDATE of the connection", || window_update(0, 1), NothingBad),
    case("9113 6.9 the reserved bit of WINDOW_UPDATE", || window_update(0, 0x8000_0001), NothingBad),
    case("9113 7 an unknown error code", || [post(&[]), reset(1, 0xdead)].concat(), NothingBad),
    case(
        "9113 8.1 trailers",
        || [post(&[]), data(0, b"abcd"), only(&[("x-sum", "1")])].concat(),
        Body { stream: 1, length: 4 },
    ),
    case(
        "9113 8.1 trailers without content",
        || [post(&[]), only(&[("x-sum", "1")])].concat(),
        Body { stream: 1, length: 0 },
    ),
    case(
        "9113 8.1.1 a true content-length",
        || {
            [post(&[("content-length", "4")]), data(0, b"ab"), data(END_STREAM | PADDED, &padded(b"cd", 3))]
                .concat()
        },
        Body { stream: 1, length: 4 },
    ),
    case("9113 8.1.1 a content-length of nothing", || with(&[("content-length", "0")]), Answer),
    case("9113 8.2.1 a field without a value", || with(&[("x-empty", "")]), Answer),
    case("9113 8.2.1 a field of 8 KiB", || with(&[("x-large", &*"x".repeat(8192))]), Answer),
    case("9113 8.2.1 fifty fields", || with(&[("x-a", "1"); 50]), Answer),
    case("9113 8.2.2 te: trailers", || with(&[("te", "trailers")]), Answer),
    case("9113 8.2.3 cookies in several fields", || with(&[("cookie", "a=1"), ("cookie", "b=2")]), Answer),
    case(
        "9113 8.3.1 Host in the place of :authority",
        || only(&[(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", HOST)]),
        Answer,
    ),
    case(
        "9113 8.3.1 :authority with its port",
        || {
            let head =
                [(":method", "GET"), (":scheme", "https"), (":authority", "api.test:443"), (":path", "/")];
            only(&head)
        },
        Answer,
    ),
    case(
        "9110 9.3.2 HEAD",
        || frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("HEAD", "/bytes/0", &[])),
        Body { stream: 1, length: 0 },
    ),
    case(
        "9110 9.3.7 OPTIONS",
        || frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("OPTIONS", "/", &[])),
        Answer,
    ),
    case("9110 15.5.5 the status of the service", || get(1, "/status/404"), Status(404)),
    case("9218 7.1 PRIORITY_UPDATE", || [frame(0x10, 0, 0, b"\0\0\0\x01u=1"), get(1, "/")].concat(), Answer),
    case(
        "9113 5 two streams that take turns",
        || {
            let head =
                fields([(":method", "POST"), (":scheme", "https"), (":authority", HOST), (":path", "/echo")]);
            let of = |stream| frame(HEADERS, END_HEADERS, stream, &head);
            let piece = |flags, stream| frame(DATA, flags, stream, b"ab");
            [of(1), of(3), piece(0, 1), piece(0, 3), piece(END_STREAM, 1), piece(END_STREAM, 3)].concat()
        },
        Body { stream: 3, length: 4 },
    ),
];
