//! What came back, and whether it is what must.

use std::{collections::BTreeMap, fmt, time::Duration};

use onecli_tests::raw_http2::{
    ACK, DATA, END_STREAM, ErrorCode, Frame, GOAWAY, HEADERS, Next, PING, RST_STREAM, RawHttp2, SETTINGS,
    frame,
};

use super::case::Must;

/// How long nothing may come until nothing is expected any more.
const PATIENCE: Duration = Duration::from_secs(2);
/// No case allows larger ones (RFC 9113 4.2).
const LARGEST_FRAME: usize = 16_384;
/// By the second answer, what the first one overtook has come too: errors of streams are written behind the answers to pings.
pub(super) const PROBES: [&[u8; 8]; 2] = [b"probe 1!", b"probe 2!"];

/// What came on a connection so far.
#[derive(Default)]
pub(super) struct Seen {
    streams: BTreeMap<u32, Stream>,
    has_settings: bool,
    settings_acks: usize,
    pongs: Vec<Vec<u8>>,
    go_away: Option<ErrorCode>,
    largest_frame: usize,
    end: Option<End>,
}

#[derive(Default)]
struct Stream {
    block: Vec<u8>,
    status: Option<u16>,
    length: usize,
    has_ended: bool,
    reset: Option<ErrorCode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    Silence,
}

impl Seen {
    /// Reads until there is enough, or nothing more comes.
    pub(super) async fn read_until(&mut self, connection: &mut RawHttp2, is_enough: impl Fn(&Self) -> bool) {
        while self.end.is_none() && !is_enough(self) {
            match connection.next(PATIENCE).await {
                Next::Frame(came) => self.note(connection, came).await,
                Next::Closed => self.end = Some(End::Closed),
                Next::Silence => self.end = Some(End::Silence),
            }
        }
    }

    async fn note(&mut self, connection: &mut RawHttp2, came: Frame) {
        self.largest_frame = self.largest_frame.max(came.payload.len());
        let (is_ack, is_last) = (came.flags & ACK != 0, came.flags & END_STREAM != 0);
        match came.kind {
            SETTINGS if is_ack => self.settings_acks += 1,
            SETTINGS => {
                self.has_settings = true;
                connection.send(&frame(SETTINGS, ACK, 0, &[])).await;
            }
            PING if is_ack => self.pongs.push(came.payload),
            GOAWAY => self.go_away = Some(ErrorCode::read(&came.payload, 4)),
            RST_STREAM => self.stream(came.stream).reset = Some(ErrorCode::read(&came.payload, 0)),
            DATA => {
                let stream = self.stream(came.stream);
                stream.length += came.payload.len();
                stream.has_ended |= is_last;
            }
            HEADERS => {
                let stream = self.stream(came.stream);
                stream.has_ended |= is_last;
                if stream.block.is_empty() {
                    stream.status = status(&came.payload);
                    stream.block = came.payload;
                }
            }
            _ => {}
        }
    }

    fn stream(&mut self, number: u32) -> &mut Stream {
        self.streams.entry(number).or_default()
    }

    /// Both sides know the settings of the other one.
    pub(super) fn is_greeted(&self) -> bool {
        self.has_settings && self.settings_acks > 0
    }

    pub(super) fn has_ended(&self) -> bool {
        self.streams.get(&1).is_some_and(|stream| stream.has_ended)
    }

    pub(super) fn length(&self) -> usize {
        self.streams.get(&1).map_or(0, |stream| stream.length)
    }

    pub(super) fn has_pong(&self, payload: &[u8]) -> bool {
        self.pongs.iter().any(|pong| pong == payload)
    }

    /// Whether it is what must come; none: not decided yet.
    pub(super) fn verdict(&self, must: Must) -> Option<bool> {
        if self.largest_frame > LARGEST_FRAME {
            return Some(false);
        }
        self.decided(must).or_else(|| self.end.map(|_| false))
    }

    fn decided(&self, must: Must) -> Option<bool> {
        match must {
            Must::Answer => self.whole(1, |stream| stream.status == Some(200)),
            Must::AnswerOr(codes) => match self.error() {
                Some(code) => Some(is_allowed(codes, code)),
                None => self.decided(Must::Answer),
            },
            Must::Status(status) => self.whole(1, |stream| stream.status == Some(status)),
            Must::Body { stream, length } => {
                self.whole(stream, |stream| stream.status == Some(200) && stream.length == length)
            }
            Must::Stop(length) => (self.end == Some(End::Silence)).then(|| {
                self.streams.get(&1).is_some_and(|stream| {
                    stream.status == Some(200) && stream.length == length && !stream.has_ended
                })
            }),
            Must::BlockBegins { stream, with } => {
                self.whole(stream, |stream| stream.block.first() == Some(&with))
            }
            Must::StreamError(codes) => {
                self.error().map(|code| is_allowed(codes, code)).or_else(|| self.closed())
            }
            Must::ConnectionError(codes) => {
                self.go_away.map(|code| is_allowed(codes, code)).or_else(|| self.closed())
            }
            Must::Malformed => self.decided(Must::StreamError(&[ErrorCode::ProtocolError])).or_else(|| {
                let status = self.streams.get(&1)?.status?;
                Some((400..500).contains(&status))
            }),
            Must::Closed => self.closed(),
            Must::SettingsAcks(number) => (self.settings_acks >= number).then_some(true),
            Must::PingAck(payload) => self.has_pong(&payload).then_some(true),
            Must::NothingBad => self.goes_on(&[]),
            Must::NothingBadOr(codes) => self.goes_on(codes),
        }
    }

    fn whole(&self, number: u32, holds: impl Fn(&Stream) -> bool) -> Option<bool> {
        let stream = self.streams.get(&number)?;
        (stream.has_ended || stream.reset.is_some()).then(|| stream.has_ended && holds(stream))
    }

    fn goes_on(&self, codes: &[ErrorCode]) -> Option<bool> {
        if let Some(code) = self.error() {
            return Some(is_allowed(codes, code));
        }
        // An acknowledgment is never answered (RFC 9113 6.7).
        if self.pongs.iter().any(|pong| PROBES.iter().all(|probe| pong != probe.as_slice())) {
            return Some(false);
        }
        PROBES.iter().all(|probe| self.has_pong(probe.as_slice())).then_some(true)
    }

    fn error(&self) -> Option<ErrorCode> {
        self.go_away.or_else(|| self.streams.values().find_map(|stream| stream.reset))
    }

    fn closed(&self) -> Option<bool> {
        (self.end == Some(End::Closed)).then_some(true)
    }
}

/// A generic code may always stand in the place of a better one (RFC 9113 5.4). INTERNAL_ERROR may too, but it would say that the
/// fault is the gateway's.
fn is_allowed(codes: &[ErrorCode], code: ErrorCode) -> bool {
    let is_error = codes.iter().any(|code| *code != ErrorCode::NoError);
    codes.contains(&code) || (is_error && code == ErrorCode::ProtocolError)
}

/// The status that a field block of an answer begins with, behind an update of the table's size (RFC 7541 6, appendix A).
fn status(block: &[u8]) -> Option<u16> {
    let updates = block.iter().take_while(|byte| **byte & 0xe0 == 0x20).count();
    let (first, rest) = block[updates..].split_first()?;
    match first {
        0x88..=0x8e => Some([200, 204, 206, 304, 400, 404, 500][usize::from(first - 0x88)]),
        // A literal whose name is that of entry 8.
        0x48 | 0x08 | 0x18 => {
            let (length, rest) = rest.split_first()?;
            let text = rest.get(..usize::from(length & 0x7f))?;
            match length & 0x80 {
                0 => std::str::from_utf8(text).ok()?.parse().ok(),
                _ => Some(number(text)),
            }
        }
        _ => None,
    }
}

/// Digits in Huffman's code (RFC 7541, appendix B).
fn number(coded: &[u8]) -> u16 {
    const DIGITS: [&str; 10] =
        ["00000", "00001", "00010", "011001", "011010", "011011", "011100", "011101", "011110", "011111"];
    let bits: String = coded.iter().map(|byte| format!("{byte:08b}")).collect();
    let (mut rest, mut number) = (bits.as_str(), 0);
    while let Some(digit) = DIGITS.iter().position(|code| rest.starts_with(code)) {
        number = number * 10 + u16::try_from(digit).unwrap();
        rest = &rest[DIGITS[digit].len()..];
    }
    number
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, stream) in &self.streams {
            let Stream { status, length, has_ended, reset, .. } = stream;
            write!(f, "stream {number}: ")?;
            match status {
                Some(status) => write!(f, "{status}, {length} bytes")?,
                None => f.write_str("no answer")?,
            }
            if *has_ended {
                f.write_str(", the end")?;
            }
            if let Some(code) = reset {
                write!(f, ", RST_STREAM {code:?}")?;
            }
            f.write_str("; ")?;
        }
        if let Some(code) = self.go_away {
            write!(f, "GOAWAY {code:?}; ")?;
        }
        write!(f, "SETTINGS acks: {}, PING acks: {}", self.settings_acks, self.pongs.len())?;
        if self.largest_frame > LARGEST_FRAME {
            write!(f, "; a frame of {} bytes", self.largest_frame)?;
        }
        match self.end {
            Some(end) => write!(f, "; {end:?}"),
            None => Ok(()),
        }
    }
}
