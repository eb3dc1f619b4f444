//! How a body is coded, and what it is without that.

use std::io::{self, Read};

use http::{HeaderMap, header};

/// The most that a body may grow to when it is decoded, in bytes.
const LARGEST: u64 = 8 * super::LONGEST as u64;

/// A body that is coded more often than this is not decoded.
const MOST_LAYERS: usize = 3;

/// A decoder is made for each frame of zstd.
const MOST_FRAMES: usize = 256;

/// What headers say of a body's coding.
#[derive(Debug, Default)]
pub(in crate::rules) struct Coding {
    /// Content codings in the order in which they were applied (RFC 9110 8.4); none: one that is not known.
    layers: Option<Vec<Layer>>,
    charset: Charset,
}

#[derive(Clone, Copy, Debug)]
enum Layer {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Charset {
    /// ASCII and what holds it unchanged.
    #[default]
    Ascii,
    Utf16,
    Unknown,
}

impl Coding {
    pub(in crate::rules) fn of(headers: &HeaderMap) -> Self {
        let codings = headers.get_all(header::CONTENT_ENCODING).into_iter();
        let names = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let layers = names.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
        let layers = layers.filter(|name| !name.eq_ignore_ascii_case(b"identity"));
        let layers: Option<Vec<Layer>> = layers.take(MOST_LAYERS + 1).map(Layer::named).collect();
        Self { layers: layers.filter(|layers| layers.len() <= MOST_LAYERS), charset: Charset::of(headers) }
    }

    /// The body without its coding, or nothing if it can't be decoded.
    pub(super) fn decode(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mut decoded = body.to_vec();
        for layer in self.layers.as_ref()?.iter().rev() {
            decoded = layer.decode(&decoded).ok()?;
        }
        match self.charset {
            Charset::Ascii => Some(decoded),
            Charset::Utf16 => utf16(&decoded),
            Charset::Unknown => None,
        }
    }
}

impl Layer {
    fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            b"deflate" => Some(Self::Deflate),
            b"br" => Some(Self::Brotli),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    fn decode(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => bounded(flate2::read::MultiGzDecoder::new(bytes)),
            // Some senders leave the zlib wrapper out.
            Self::Deflate => bounded(flate2::read::ZlibDecoder::new(bytes))
                .or_else(|_| bounded(flate2::read::DeflateDecoder::new(bytes))),
            Self::Brotli => bounded(brotli_decompressor::Decompressor::new(bytes, 4096)),
            Self::Zstd => zstd(bytes),
        }
    }
}

/// All frames, one after the other (RFC 8878 3).
fn zstd(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    for frames in 0.. {
        match bytes.is_empty() {
            true => break,
            false if frames == MOST_FRAMES => return Err(too_large()),
            false => {}
        }
        // It asks for a window's memory before it gives anything out.
        let frame = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(&mut bytes, LARGEST);
        let frame = frame.map_err(io::Error::other)?;
        decoded.extend(bounded(frame)?);
        if decoded.len() as u64 > LARGEST {
            return Err(too_large());
        }
    }
    Ok(decoded)
}

fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    let length = reader.take(LARGEST + 1).read_to_end(&mut decoded)?;
    if length as u64 > LARGEST {
        return Err(too_large());
    }
    Ok(decoded)
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "the body is too large when it is decoded")
}

impl Charset {
    fn of(headers: &HeaderMap) -> Self {
        let types = headers.get_all(header::CONTENT_TYPE).into_iter();
        let types: Vec<_> = types.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let parameters = types.iter().flat_map(|value| value.split(';').skip(1));
        let named = parameters.filter_map(|parameter| parameter.split_once('='));
        let named = named.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        // Several: the strictest of them.
        named
            .map(|(_, value)| Self::named(value.trim().trim_matches('"')))
            .max_by_key(|charset| *charset as u8)
            .unwrap_or_default()
    }

    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" | "iso-8859-1" | "latin1" | "windows-1252" => Self::Ascii,
            "utf-16" | "utf-16le" | "utf-16be" => Self::Utf16,
            _ => Self::Unknown,
        }
    }
}

/// Reads UTF-16 of either byte order, which its bytes tell. A surrogate without its pair stands for nothing.
pub(super) fn utf16(bytes: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let big = bytes.starts_with(&[0xFE, 0xFF]) || bytes.first() == Some(&0);
    let units =
        pairs.iter().map(|pair| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
    let text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    rest.is_empty().then(|| text.into_bytes())
}

/// Reads UTF-32 of either byte order, which its bytes tell.
pub(super) fn utf32(bytes: &[u8]) -> Option<Vec<u8>> {
    let (units, rest) = bytes.as_chunks::<4>();
    let read = |order: fn([u8; 4]) -> u32| {
        units
            .iter()
            .map(|unit| char::from_u32(order(*unit)))
            .collect::<Option<String>>()
            .map(String::into_bytes)
    };
    match rest.is_empty() {
        true => read(u32::from_be_bytes).or_else(|| read(u32::from_le_bytes)),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use http::{HeaderMap, HeaderValue};

    use super::Coding;

    fn coding(fields: &[(&'static str, &'static str)]) -> Coding {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Coding::of(&headers)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn takes_each_layer_off() {
        let twice = gzip(&gzip(b"needle"));
        for fields in [
            &[("content-encoding", "gzip, X-GZip")][..],
            &[("content-encoding", "gzip"), ("content-encoding", "identity, gzip")],
        ] {
            assert_eq!(coding(fields).decode(&twice).as_deref(), Some(&b"needle"[..]));
        }
        let joined = [gzip(b"nee"), gzip(b"dle")].concat();
        assert_eq!(coding(&[("content-encoding", "gzip")]).decode(&joined).as_deref(), Some(&b"needle"[..]));
    }

    #[test]
    fn reads_what_other_programs_write() {
        // Made by Node, by zstd's command, and by Python's zlib with and without its wrapper.
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        for (name, bytes) in [
            ("br", "8b02806e6565646c6503"),
            ("zstd", "28b52ffd04583100006e6565646c65cd428c92"),
            ("deflate", "789ccb4b4d4dc94905000890026e"),
            ("deflate", "cb4b4d4dc9490500"),
        ] {
            let bytes = hex(bytes);
            let headers =
                HeaderMap::from_iter([(http::header::CONTENT_ENCODING, HeaderValue::from_static(name))]);
            assert_eq!(Coding::of(&headers).decode(&bytes).as_deref(), Some(&b"needle"[..]), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_nothing() {
        assert_eq!(coding(&[("content-encoding", "compress")]).decode(b"x"), None);
        for name in ["gzip", "br", "zstd", "deflate"] {
            let headers =
                HeaderMap::from_iter([(http::header::CONTENT_ENCODING, HeaderValue::from_static(name))]);
            assert_eq!(Coding::of(&headers).decode(b"not this"), None, "{name}");
        }
        let bomb = gzip(&vec![0; 9 * 1024 * 1024]);
        assert_eq!(coding(&[("content-encoding", "gzip")]).decode(&bomb), None);
        let mut cut = gzip(b"needle");
        cut.truncate(cut.len() - 9);
        assert_eq!(coding(&[("content-encoding", "gzip")]).decode(&cut), None);
        assert_eq!(coding(&[("content-type", "text/plain; charset=utf-7")]).decode(b"x"), None);
    }

    #[test]
    fn what_asks_for_much_memory_is_not_decoded() {
        // A frame (RFC 8878 3.1.1) whose window is 128 MiB, of blocks that repeat one byte 128 KiB long.
        let block = ((131_072_u32 << 3) | 2).to_le_bytes();
        let bomb =
            [b"\x28\xB5\x2F\xFD\x00\x88".as_slice(), &[&block[..3], b"x"].concat().repeat(1000)].concat();
        assert_eq!(coding(&[("content-encoding", "zstd")]).decode(&bomb), None);
        // Frames without content.
        let empty = b"\x28\xB5\x2F\xFD\x00\x00\x01\x00\x00".repeat(100_000);
        assert_eq!(coding(&[("content-encoding", "zstd")]).decode(&empty), None);
        let many: &str = "gzip,".repeat(50).leak();
        let layers = coding(&[("content-encoding", many)]);
        assert_eq!(layers.decode(&gzip(b"x")), None);
    }

    #[test]
    fn reads_utf16() {
        let utf16 = coding(&[("content-type", "application/json; charset=\"UTF-16\"")]);
        for bytes in [&b"\xFE\xFF\0n\0e"[..], b"\xFF\xFEn\0e\0", b"\0n\0e", b"n\0e\0"] {
            assert!(utf16.decode(bytes).unwrap().ends_with(b"ne"), "{bytes:?}");
        }
        assert_eq!(utf16.decode(b"\0n\0"), None);
    }
}
