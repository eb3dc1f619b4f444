//! Frames of which cases are made.

use onecli_tests::raw_http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, PRIORITY, fields, frame,
};

pub(super) const HOST: &str = "api.test";
/// The identifier of SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 6.5.2).
pub(super) const INITIAL_WINDOW: u16 = 4;
/// A type of frames that no standard knows.
pub(super) const UNKNOWN: u8 = 0xfa;

pub(super) fn preface() -> Vec<u8> {
    PREFACE.to_vec()
}

/// The field block of a request.
pub(super) fn request(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let head = [(":method", method), (":scheme", "https"), (":authority", HOST), (":path", path)];
    fields(head.iter().chain(more).copied())
}

/// A whole request.
pub(super) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &request("GET", path, &[]))
}

/// A whole request on stream 1 that is never answered, so that the stream stays half-closed.
pub(super) fn waiting() -> Vec<u8> {
    get(1, "/wait")
}

/// A whole request on stream 1, with more fields.
pub(super) fn with(more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/", more))
}

/// A field block with just these fields that ends stream 1: a whole request, or trailers.
pub(super) fn only(all: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields(all.iter().copied()))
}

/// The begin of a request on stream 1 whose content comes back.
pub(super) fn post(more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &request("POST", "/echo", more))
}

/// Content on stream 1.
pub(super) fn data(flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(DATA, flags, 1, payload)
}

/// A payload with padding around it (RFC 9113 6.1).
pub(super) fn padded(payload: &[u8], padding: u8) -> Vec<u8> {
    [vec![padding], payload.to_vec(), vec![0; usize::from(padding)]].concat()
}

/// A payload that says what its stream depends on (RFC 9113 6.2).
pub(super) fn dependent(on: u32, payload: &[u8]) -> Vec<u8> {
    [on.to_be_bytes().to_vec(), vec![15], payload.to_vec()].concat()
}

pub(super) fn priority(stream: u32, on: u32) -> Vec<u8> {
    frame(PRIORITY, 0, stream, &dependent(on, &[]))
}

/// GOAWAY without an error, once no stream of the server was taken.
pub(super) fn go_away(debug_data: &[u8]) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[vec![0; 8], debug_data.to_vec()].concat())
}

/// A request on stream 1 whose field block has not ended.
pub(super) fn unended() -> Vec<u8> {
    frame(HEADERS, END_STREAM, 1, &request("GET", "/", &[]))
}

/// A whole request on stream 1 whose field block is cut into so many frames, wherever that is.
pub(super) fn in_frames(number: usize) -> Vec<u8> {
    let block = request("GET", "/", &[]);
    let pieces: Vec<&[u8]> = block.chunks(block.len().div_ceil(number)).collect();
    let mut bytes = frame(HEADERS, END_STREAM, 1, pieces[0]);
    for (place, piece) in pieces.iter().enumerate().skip(1) {
        let flags = if place + 1 == pieces.len() { END_HEADERS } else { 0 };
        bytes.extend(frame(CONTINUATION, flags, 1, piece));
    }
    bytes
}
