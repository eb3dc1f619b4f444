//! How a body is coded, and what it is without that.

use std::io::{self, Read};

use http::{HeaderMap, header};

/// The most that a body may grow to when it is decoded, in bytes.
const LARGEST: u64 = 8 * super::LONGEST as u64;

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
        Self { layers: layers.map(Layer::named).collect(), charset: Charset::of(headers) }
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
    while !bytes.is_empty() {
        let frame = ruzstd::decoding::StreamingDecoder::new(&mut bytes).map_err(io::Error::other)?;
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
        let types = headers.get_all(header::CONTENT_TYPE).into_iter().filter_map(|value| value.to_str().ok());
        let parameters = types.flat_map(|value| value.split(';').skip(1));
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

/// Reads UTF-16 of either byte order, which its bytes tell.
pub(super) fn utf16(bytes: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let big = bytes.starts_with(&[0xFE, 0xFF]) || bytes.first() == Some(&0);
    let units =
        pairs.iter().map(|pair| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    rest.is_empty().then_some(text.ok()?.into_bytes())
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
    fn reads_utf16() {
        let utf16 = coding(&[("content-type", "application/json; charset=\"UTF-16\"")]);
        for bytes in [&b"\xFE\xFF\0n\0e"[..], b"\xFF\xFEn\0e\0", b"\0n\0e", b"n\0e\0"] {
            assert!(utf16.decode(bytes).unwrap().ends_with(b"ne"), "{bytes:?}");
        }
        assert_eq!(utf16.decode(b"\0n\0"), None);
    }
}
