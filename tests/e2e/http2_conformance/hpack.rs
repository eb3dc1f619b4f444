//! Field blocks (RFC 7541).

use onecli_tests::raw_http2::{
    CONTINUATION, END_HEADERS, END_STREAM, ErrorCode::CompressionError, HAS_PRIORITY, HEADERS, frame,
    settings,
};

use super::{
    case::{
        Case,
        Must::{self, Answer, BlockBegins, Body, ConnectionError},
        Step::{Bytes, UntilEnd},
        case, in_steps,
    },
    sent::{HOST, dependent},
};

/// `:path: /` by its index.
const ROOT: &[u8] = &[0x84];
/// `:path: /bytes/7` as a literal that goes into the table.
const ADDED: &[u8] = b"\x44\x08/bytes/7";
/// The newest entry of the table by its index.
const NEWEST: &[u8] = &[0x80 | 62];
/// `/bytes/7` in Huffman's code (RFC 7541, appendix B).
const CODED: &[u8] = b"\x86\x62\x3f\x49\x2a\x18\x77";
/// Updates of the table's size: to 0, and to the 4,096 bytes that the server allows.
const TO_NOTHING: &[u8] = &[0x20];
const TO_ALL: &[u8] = &[0x3f, 0xe1, 0x1f];

/// A field block of GET for the host, without its path.
fn head() -> Vec<u8> {
    [vec![0x82, 0x87, 0x01, 8], HOST.as_bytes().to_vec()].concat()
}

fn block(rest: &[u8]) -> Vec<u8> {
    [head(), rest.to_vec()].concat()
}

/// A whole request on a stream.
fn on(stream: u32, rest: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(rest))
}

/// The same, where updates of the table's size come first.
fn updated(stream: u32, updates: &[u8], rest: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &[updates.to_vec(), block(rest)].concat())
}

/// A request for `/` on stream 1 with more behind.
fn with(more: &[u8]) -> Vec<u8> {
    on(1, &[ROOT.to_vec(), more.to_vec()].concat())
}

/// A field `x-a` whose value is what remains.
fn field(value: &[u8]) -> Vec<u8> {
    [b"\x00\x03x-a".to_vec(), value.to_vec()].concat()
}

/// The request for `/bytes/7` on stream 1, 3 or 5 was understood.
const fn seven(stream: u32) -> Must {
    Body { stream, length: 7 }
}

const REFUSED: Must = ConnectionError(&[CompressionError]);

pub(super) const CASES: &[Case] = &[
    case("7541 2.3.2 an entry of the table", || [on(1, ADDED), on(3, NEWEST)].concat(), seven(3)),
    case(
        "7541 2.3.3 an entry of the table that is not the newest",
        || [on(1, ADDED), on(3, b"\x44\x08/bytes/9"), on(5, &[0x80 | 63])].concat(),
        seven(5),
    ),
    case("7541 2.3.3 the index 0", || with(&[0x80]), REFUSED),
    case("7541 2.3.3 an index behind the table", || with(NEWEST), REFUSED),
    case("7541 2.3.3 a name behind the table, with indexing", || with(&[0x40 | 62, 1, b'1']), REFUSED),
    // 15 + 47 = 62.
    case("7541 2.3.3 a name behind the table, without indexing", || with(&[0x0f, 47, 1, b'1']), REFUSED),
    case("7541 2.3.3 a name behind the table, never indexed", || with(&[0x1f, 47, 1, b'1']), REFUSED),
    case("7541 4.2 a smaller table", || updated(1, TO_NOTHING, ROOT), Answer),
    case(
        "7541 4.2 a smaller table, then the largest",
        || updated(1, &[TO_NOTHING, TO_ALL].concat(), ROOT),
        Answer,
    ),
    case("7541 4.2 an update behind the fields", || with(TO_NOTHING), REFUSED),
    case(
        "7541 4.2 an update between the fields",
        || with(&[TO_NOTHING.to_vec(), field(b"\x011")].concat()),
        REFUSED,
    ),
    case(
        "7541 4.2 an update where CONTINUATION begins",
        || {
            let rest = frame(CONTINUATION, END_HEADERS, 1, TO_NOTHING);
            [frame(HEADERS, END_STREAM, 1, &block(ROOT)), rest].concat()
        },
        REFUSED,
    ),
    in_steps(
        "7541 4.2 an update by the server",
        || vec![Bytes(on(1, ROOT)), UntilEnd, Bytes([settings(&[(1, 0)]), on(3, ROOT)].concat())],
        BlockBegins { stream: 3, with: 0x20 },
    ),
    case(
        "7541 4.3 an entry that was driven out",
        || [on(1, ADDED), updated(3, &[TO_NOTHING, TO_ALL].concat(), NEWEST)].concat(),
        REFUSED,
    ),
    // 31 + 69 = 100 bytes.
    case(
        "7541 4.3 an entry that still fits",
        || [on(1, ADDED), updated(3, &[0x3f, 69], NEWEST)].concat(),
        seven(3),
    ),
    case("7541 4.4 a field larger than the table", || with(&large()), Answer),
    case(
        "7541 4.4 a field larger than the table empties it",
        || [on(1, ADDED), on(3, &[ROOT.to_vec(), large()].concat()), on(5, NEWEST)].concat(),
        REFUSED,
    ),
    case(
        "7541 5.1 a length in several bytes",
        // 127 + 73 = 200.
        || with(&field(&[vec![127, 73], vec![b'v'; 200]].concat())),
        Answer,
    ),
    case(
        "7541 5.1 an index that is too large",
        || with(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x0f"),
        REFUSED,
    ),
    case(
        "7541 5.1 a length that is too large",
        || with(&field(b"\x7f\xff\xff\xff\xff\xff\xff\xff\xff\x0f")),
        REFUSED,
    ),
    case("7541 5.1 an index that is cut off", || with(&[0xff]), REFUSED),
    case("7541 5.2 a value that is cut off", || with(&field(b"\x09four")), REFUSED),
    case("7541 5.2 a value that is missing", || with(&field(b"")), REFUSED),
    case("7541 5.2 a value in Huffman's code", || on(1, &[b"\x04".as_slice(), CODED].concat()), seven(1)),
    case(
        "7541 5.2 a name in Huffman's code",
        || on(1, &[b"\x00\x84\xb9\x58\xd3\x3f".as_slice(), CODED].concat()),
        seven(1),
    ),
    case("7541 5.2 nothing in Huffman's code", || with(&field(b"\x80")), Answer),
    case("7541 5.2 padding of seven bits", || with(&field(b"\x84\x18\xc6\x31\xff")), Answer),
    case("7541 5.2 padding of more than seven bits", || with(&field(b"\x85\x18\xc6\x31\xff\xff")), REFUSED),
    case("7541 5.2 padding with zeros", || with(&field(b"\x84\x18\xc6\x31\x80")), REFUSED),
    case("7541 5.2 the end of string in a string", || with(&field(b"\x84\xff\xff\xff\xff")), REFUSED),
    case("7541 6.1 a field of the static table", || on(1, ROOT), Answer),
    case("7541 6.2.1 a literal with indexing", || on(1, ADDED), seven(1)),
    case(
        "7541 6.2.1 a literal with indexing and a new name",
        || on(1, b"\x40\x05:path\x08/bytes/7"),
        seven(1),
    ),
    case("7541 6.2.2 a literal without indexing", || on(1, b"\x04\x08/bytes/7"), seven(1)),
    case(
        "7541 6.2.2 a literal without indexing and with a new name",
        || on(1, b"\x00\x05:path\x08/bytes/7"),
        seven(1),
    ),
    case("7541 6.2.3 a literal that is never indexed", || on(1, b"\x14\x08/bytes/7"), seven(1)),
    case(
        "7541 6.2.3 a literal that is never indexed, with a new name",
        || on(1, b"\x10\x05:path\x08/bytes/7"),
        seven(1),
    ),
    case("7541 6.3 a table larger than allowed", || updated(1, &[0x3f, 0xe2, 0x1f], ROOT), REFUSED),
    case(
        "9113 4.3 the fields of a malformed request count",
        || [on(1, &[ADDED, b"\x00\x0aconnection\x05close".as_slice()].concat()), on(3, NEWEST)].concat(),
        seven(3),
    ),
    case(
        "9113 4.3 the fields of HEADERS that depend on themselves count",
        || {
            let flags = END_HEADERS | END_STREAM | HAS_PRIORITY;
            [frame(HEADERS, flags, 1, &dependent(1, &block(ADDED))), on(3, NEWEST)].concat()
        },
        seven(3),
    ),
    case(
        "9113 4.3 a field block that is cut off in CONTINUATION",
        || {
            let rest = frame(CONTINUATION, END_HEADERS, 1, &field(b"\x09four"));
            [frame(HEADERS, END_STREAM, 1, &block(ROOT)), rest].concat()
        },
        REFUSED,
    ),
];

/// A field of 5,000 bytes that would go into the table: 127 + 9 + 38 * 128.
fn large() -> Vec<u8> {
    [b"\x40\x03x-a".to_vec(), vec![127, 0x80 | 9, 38], vec![b'v'; 5000]].concat()
}
