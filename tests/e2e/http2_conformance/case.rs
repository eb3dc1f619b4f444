//! What a case is: what is sent, and what must come back.

use onecli_tests::raw_http2::ErrorCode;

/// One thing that a standard demands of a server.
pub(super) struct Case {
    /// The RFC and the section that demand it, and what it is about.
    pub(super) id: &'static str,
    pub(super) sent: Sent,
    pub(super) must: Must,
}

/// What is sent on a connection of its own.
pub(super) enum Sent {
    /// Frames, once both sides have acknowledged the settings of the other one.
    Frames(fn() -> Vec<u8>),
    /// The same, but some of them later.
    Steps(fn() -> Vec<Step>),
    /// Everything, from the first byte on.
    All(fn() -> Vec<u8>),
}

pub(super) enum Step {
    Bytes(Vec<u8>),
    /// Waits for the end of the answer on stream 1.
    UntilEnd,
    /// Waits for so many bytes of the content on stream 1.
    UntilData(usize),
}

type Codes = &'static [ErrorCode];

/// What must come back.
#[derive(Clone, Copy, Debug)]
pub(super) enum Must {
    /// A whole answer on stream 1, with the status 200.
    Answer,
    /// The same, or an error of the stream.
    AnswerOr(Codes),
    /// A whole answer on stream 1 with another status.
    Status(u16),
    /// A whole answer with the status 200 and so much content.
    Body {
        stream: u32,
        length: usize,
    },
    /// So much content on stream 1, and no more although there is more.
    Stop(usize),
    /// An answer whose field block has this first byte.
    BlockBegins {
        stream: u32,
        with: u8,
    },
    /// An error of a stream, which may also be one of the connection (RFC 9113 5.4.1).
    StreamError(Codes),
    /// An error of the connection. GOAWAY may be missing (RFC 9113 6.8).
    ConnectionError(Codes),
    /// What a malformed request deserves: a stream error or a refusal as HTTP knows it (RFC 9113 8.1.1).
    Malformed,
    /// The end of the connection, whatever comes before.
    Closed,
    SettingsAcks(usize),
    PingAck([u8; 8]),
    /// No error: the connection goes on.
    NothingBad,
    /// The same, or an error of the stream.
    NothingBadOr(Codes),
}

pub(super) const fn case(id: &'static str, frames: fn() -> Vec<u8>, must: Must) -> Case {
    Case { id, sent: Sent::Frames(frames), must }
}

pub(super) const fn in_steps(id: &'static str, steps: fn() -> Vec<Step>, must: Must) -> Case {
    Case { id, sent: Sent::Steps(steps), must }
}

pub(super) const fn from_the_start(id: &'static str, bytes: fn() -> Vec<u8>, must: Must) -> Case {
    Case { id, sent: Sent::All(bytes), must }
}
