//! Looking for texts in a body, in each form in which a service may read it.

use std::collections::HashSet;

use memchr::memmem;
use percent_encoding::percent_decode;

use super::{
    coding::{Coding, utf16, utf32},
    read::Beginning,
};

/// How often a form may be decoded again until it stands still.
const DEEPEST: usize = 8;

/// Which texts stand in a body.
#[derive(Debug, Default)]
pub(in crate::rules) struct Findings {
    /// Whether the whole of it was read, and each form to the end.
    is_judged: bool,
    in_any_form: HashSet<String>,
    /// In the body as the service reads it: without its content coding.
    in_text: HashSet<String>,
}

impl Findings {
    /// Of a request without a body.
    pub(in crate::rules) fn of_nothing() -> Self {
        Self { is_judged: true, ..Self::default() }
    }

    /// Looks for `texts` in a body. Takes time in proportion to the body and the number of texts.
    pub(in crate::rules) fn look(beginning: &Beginning, coding: &Coding, texts: &HashSet<String>) -> Self {
        let mut findings = Self { is_judged: beginning.is_whole, ..Self::default() };
        findings.note_forms(&beginning.bytes, texts);
        if beginning.is_whole {
            match coding.decode(&beginning.bytes) {
                Some(decoded) => {
                    findings.in_text.extend(found(&decoded, texts));
                    if *decoded != *beginning.bytes {
                        findings.note_forms(&decoded, texts);
                    }
                }
                None => findings.is_judged = false,
            }
        }
        findings
    }

    /// Whether a restriction that asks for `text` matches: what is not known counts as a match.
    pub(in crate::rules) fn may_hold(&self, text: &str) -> bool {
        !self.is_judged || self.in_any_form.contains(text)
    }

    /// Whether a grant that asks for `text` matches.
    pub(in crate::rules) fn surely_hold(&self, text: &str) -> bool {
        self.is_judged && self.in_text.contains(text)
    }

    /// Looks in a text, in what it is with JSON's escapes undone, with a form's encoding undone, and with one after the
    /// other. Few forms are alive at once.
    fn note_forms(&mut self, text: &[u8], texts: &HashSet<String>) {
        self.in_any_form.extend(found(text, texts));
        if text.contains(&0) {
            // UTF-16 or UTF-32, which JSON's readers know by themselves; or something that only its reader knows.
            match utf32(text).or_else(|| utf16(text)) {
                Some(text) => {
                    self.in_any_form.extend(found(&text, texts));
                    self.note_undone(&text, texts);
                }
                None => self.is_judged = false,
            }
        }
        self.note_single_bytes(text, texts);
        self.note_undone(text, texts);
    }

    /// Looks in what is not UTF-8 with each byte as a character, as ISO 8859-1 has it.
    fn note_single_bytes(&mut self, text: &[u8], texts: &HashSet<String>) {
        if std::str::from_utf8(text).is_err() {
            let text: String = text.iter().map(|byte| char::from(*byte)).collect();
            self.in_any_form.extend(found(text.as_bytes(), texts));
        }
    }

    fn note_undone(&mut self, text: &[u8], texts: &HashSet<String>) {
        if let Some(unescaped) = self.note_until_still(text, unescape_json, texts) {
            self.note_until_still(&unescaped, decode_form, texts);
        }
        if let Some(decoded) = self.note_until_still(text, decode_form, texts) {
            self.note_until_still(&decoded, unescape_json, texts);
        }
    }

    /// Undoes an encoding until nothing changes, and looks at each stage. Gives the last one back, if it is another.
    fn note_until_still(
        &mut self, text: &[u8], undo: impl Fn(&[u8]) -> Option<Vec<u8>>, texts: &HashSet<String>,
    ) -> Option<Vec<u8>> {
        let mut last: Option<Vec<u8>> = None;
        for _ in 0..DEEPEST {
            let Some(next) = undo(last.as_deref().unwrap_or(text)) else { return last };
            self.in_any_form.extend(found(&next, texts));
            self.note_single_bytes(&next, texts);
            last = Some(next);
        }
        self.is_judged = false;
        last
    }
}

fn found<'a>(form: &'a [u8], texts: &'a HashSet<String>) -> impl Iterator<Item = String> + 'a {
    texts.iter().filter(|text| memmem::find(form, text.as_bytes()).is_some()).cloned()
}

/// Decodes `application/x-www-form-urlencoded` once; nothing if that changes nothing.
fn decode_form(text: &[u8]) -> Option<Vec<u8>> {
    if !text.contains(&b'%') && !text.contains(&b'+') {
        return None;
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded: Vec<u8> = percent_decode(&spaced).collect();
    (decoded != text).then_some(decoded)
}

/// Undoes the escapes of JSON strings (RFC 8259 7) wherever they stand, so that a text need not be valid JSON for it;
/// nothing if there are none.
fn unescape_json(text: &[u8]) -> Option<Vec<u8>> {
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at(at);
        plain.extend_from_slice(before);
        let (character, length) = unescaped(escape);
        match character {
            Some(character) => plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            None => plain.extend_from_slice(escape.get(..length).unwrap_or(escape)),
        }
        rest = escape.get(length..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    (plain != text).then_some(plain)
}

/// What an escape stands for, and how long it is. What stands for nothing stays.
fn unescaped(escape: &[u8]) -> (Option<char>, usize) {
    let character = match escape.get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return code_point(escape),
        _ => return (None, 1),
    };
    (Some(character), 2)
}

/// `\uXXXX`, or two of them that are a surrogate pair.
fn code_point(escape: &[u8]) -> (Option<char>, usize) {
    let Some(first) = code_unit(escape) else { return (None, 1) };
    let second = escape.get(6..).filter(|rest| rest.starts_with(b"\\u")).and_then(code_unit);
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    match (char::from_u32(first.into()), pair) {
        (Some(character), _) => (Some(character), 6),
        (None, Some(character)) => (Some(character), 12),
        (None, None) => (Some(char::REPLACEMENT_CHARACTER), 6),
    }
}

fn code_unit(escape: &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(escape.get(2..6)?).ok()?;
    let valid = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{super::read::Beginning, Coding, Findings, decode_form, unescape_json};

    fn look(body: &[u8]) -> Findings {
        let texts = ["drop table", "ключ", "a\\b", "größe"].map(str::to_owned).into();
        let beginning = Beginning { bytes: Bytes::copy_from_slice(body), is_whole: true };
        Findings::look(&beginning, &Coding::of(&http::HeaderMap::new()), &texts)
    }

    #[test]
    fn finds_a_text_however_it_is_written() {
        for body in [
            &b"drop table"[..],
            br#"{"sql": "dr\u006Fp\u0020table"}"#,
            br#"{"sql": "{\"x\": \"dr\\u006fp table\"}"}"#,
            b"sql=drop+table",
            b"sql=drop%20table",
            b"sql=%2564rop+table",
            br"sql=dr%5Cu006fp+table",
            br#"{"sql": "drop%20tab\u006ce"}"#,
            b"d\0r\0o\0p\0 \0t\0a\0b\0l\0e\0",
            b"\0d\0r\0o\0p\0 \0t\0a\0b\0l\0e\xd8\0",
            b"d\0\0\0r\0\0\0o\0\0\0p\0\0\0 \0\0\0t\0\0\0a\0\0\0b\0\0\0l\0\0\0e\0\0\0",
            b"\0\0\0d\0\0\0r\0\0\0o\0\0\0p\0\0\0 \0\0\0t\0\0\0a\0\0\0b\0\0\0l\0\0\0e",
            b"\0d\0r\0o\0p\0",
        ] {
            assert!(look(body).may_hold("drop table"), "{}", String::from_utf8_lossy(body));
        }
        assert!(look(b"gr\xf6\xdfe").may_hold("größe") && look(b"x=gr%F6%DFe").may_hold("größe"));
        assert!(look(br#""\u043a\u043b\u044e\u0447""#).may_hold("ключ"));
        assert!(look(br"a\b").may_hold("a\\b") && look(br#""a\\b""#).may_hold("a\\b"));
        assert!(!look(b"drop the table").may_hold("drop table"));
    }

    #[test]
    fn what_is_coded_too_deeply_may_hold_anything() {
        let mut deep = "x".to_owned();
        for _ in 0..9 {
            deep = deep.replace('%', "%25").replace('x', "%78");
        }
        assert!(look(deep.as_bytes()).may_hold("drop table"));
        assert!(!look(deep.as_bytes()).surely_hold("drop table"));
    }

    #[test]
    fn a_grant_needs_the_text_as_the_service_reads_it() {
        assert!(look(b"x drop table").surely_hold("drop table"));
        assert!(!look(b"drop%20table").surely_hold("drop table"));
        let cut = Beginning { bytes: Bytes::from_static(b"drop table"), is_whole: false };
        let texts = HashSet::from(["drop table".to_owned()]);
        let findings = Findings::look(&cut, &Coding::of(&http::HeaderMap::new()), &texts);
        assert!(
            findings.may_hold("drop table") && findings.may_hold("x") && !findings.surely_hold("drop table")
        );
    }

    #[test]
    fn undoes_the_escapes_of_json() {
        let undone = unescape_json(br#"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83dx\q\u12"#).unwrap();
        assert_eq!(String::from_utf8(undone).unwrap(), "\"\\/\u{8}\u{c}\n\r\té😀\u{fffd}x\\q\\u12");
        assert_eq!(unescape_json(b"plain"), None);
    }

    proptest! {
        #[test]
        fn json_strings_and_forms_are_read_as_their_libraries_write_them(text in "\\PC{0,20}") {
            let json = serde_json::to_string(&text).unwrap();
            let undone = unescape_json(json.as_bytes()).unwrap_or_else(|| json.clone().into_bytes());
            prop_assert_eq!(String::from_utf8(undone).unwrap(), format!("\"{text}\""));
            let form: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let decoded = decode_form(form.as_bytes()).unwrap_or_else(|| form.clone().into_bytes());
            prop_assert_eq!(String::from_utf8(decoded).unwrap(), text);
        }

        #[test]
        fn looking_never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            look(&body);
        }
    }
}
