//! The forms in which a path can be read.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// A path that is encoded more often than this is refused: no service needs it, and each layer costs a reading.
const DEEPEST: usize = 8;
/// A path that can be read in more ways than this is refused.
const MOST: usize = 64;

/// Why a path is not served. The text is for the agent.
pub(super) type BadPath = &'static str;

/// A path in every form in which a service might read it: all that it becomes by decoding, by cutting parameters, and by
/// cleaning (backslashes turned, empty and dot segments resolved), in any order, until nothing new comes of it. The first is
/// the one that is sent.
#[derive(Clone, Debug)]
pub(super) struct PathForms<'a>(Vec<Cow<'a, [u8]>>);

impl<'a> PathForms<'a> {
    pub(super) fn read(path: &'a str) -> Result<Self, BadPath> {
        check(path)?;
        let mut forms = Self(vec![Cow::Borrowed(path.as_bytes())]);
        if !path.contains(['%', ';']) && !path.contains("//") {
            return Ok(forms);
        }
        check_depth(path.as_bytes())?;
        let mut next = 0;
        while let Some(form) = forms.0.get(next) {
            let read = [percent_decode(form).collect(), without_parameters(form), clean(form)];
            for form in read {
                forms.add(form);
            }
            if forms.0.len() > MOST {
                return Err("the path can be read in more than 64 ways; send the path that is meant");
            }
            next += 1;
        }
        Ok(forms)
    }

    /// What else a service may find under a form, for restrictions: without a slash at its end, and without what stands behind
    /// a character that ends a path where it is decoded before it is cut.
    pub(super) fn looser(&self) -> impl Iterator<Item = &[u8]> {
        self.iter().flat_map(|form| {
            let is_end = |byte: &u8| matches!(byte, b'?' | b'#' | 0);
            let cut = form.iter().position(is_end).and_then(|at| form.get(..at)).unwrap_or(form);
            let trimmed = cut.trim_ascii_end();
            let bare = trimmed.strip_suffix(b"/").filter(|bare| !bare.is_empty());
            [Some(form), Some(cut).filter(|cut| cut.len() < form.len()), Some(trimmed), bare]
                .into_iter()
                .flatten()
        })
    }

    /// Apart from the text that it was read from.
    pub(super) fn into_owned(self) -> PathForms<'static> {
        PathForms(self.0.into_iter().map(|form| Cow::Owned(form.into_owned())).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|form| &**form)
    }

    fn add(&mut self, form: Vec<u8>) {
        if !self.iter().any(|known| known == form) {
            self.0.push(Cow::Owned(form));
        }
    }
}

fn check_depth(path: &[u8]) -> Result<(), BadPath> {
    let mut decoded = path.to_vec();
    for depth in 0.. {
        let next: Vec<u8> = percent_decode(&decoded).collect();
        if next == decoded {
            break;
        }
        if depth == DEEPEST {
            return Err("the path is percent-encoded more than 8 times over");
        }
        if depth == 0 && has_dot_segment(&next) {
            return Err("the path holds an encoded dot segment; send the path that is meant");
        }
        decoded = next;
    }
    Ok(())
}

fn check(path: &str) -> Result<(), BadPath> {
    match path.as_bytes() {
        bytes if !bytes.is_ascii() => Err("the path holds raw non-ASCII characters; percent-encode them"),
        bytes if bytes.iter().any(u8::is_ascii_control) => Err("the path holds a control character"),
        bytes if bytes.contains(&b'\\') => {
            Err("the path holds a backslash; percent-encode it if it is meant")
        }
        bytes if has_dot_segment(bytes) => Err("the path holds a dot segment; send the path that is meant"),
        _ => Ok(()),
    }
}

/// A segment `.` or `..`, also with parameters behind it.
fn has_dot_segment(path: &[u8]) -> bool {
    path.split(|byte| matches!(byte, b'/' | b'\\'))
        .map(|segment| segment.split(|byte| *byte == b';').next().unwrap_or_default())
        .any(|segment| segment == b"." || segment == b"..")
}

/// Cuts `;…` from each segment (RFC 3986 3.3: parameters, which some services drop).
fn without_parameters(path: &[u8]) -> Vec<u8> {
    let segments = path.split(|byte| *byte == b'/');
    let bare = segments.map(|segment| segment.split(|byte| *byte == b';').next().unwrap_or_default());
    bare.collect::<Vec<_>>().join(&b'/')
}

/// Backslashes as slashes, empty segments dropped, dot segments resolved (RFC 3986 5.2.4), never above the root.
fn clean(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut open_end = false;
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        open_end = matches!(segment, b"" | b"." | b"..");
        match segment {
            b"" | b"." => {}
            b".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let mut cleaned = Vec::with_capacity(path.len());
    for segment in &kept {
        cleaned.push(b'/');
        cleaned.extend_from_slice(segment);
    }
    if open_end || cleaned.is_empty() {
        cleaned.push(b'/');
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PathForms;

    fn forms(path: &str) -> Vec<String> {
        PathForms::read(path).unwrap().iter().map(|form| String::from_utf8_lossy(form).into_owned()).collect()
    }

    #[test]
    fn a_plain_path_has_one_form() {
        assert_eq!(forms("/v1/messages"), ["/v1/messages"]);
    }

    #[test]
    fn finds_every_reading() {
        for (sent, read) in [
            ("//admin", "/admin"),
            ("/a//b", "/a/b"),
            ("/admin;x=1/users", "/admin/users"),
            ("/%61dmin", "/admin"),
            ("/%2561dmin", "/admin"),
            ("/a/%252e%252e/admin", "/admin"),
            ("/a%2F..%252Fadmin", "/a/..%2Fadmin"),
            ("/x%5C..%5Cadmin%255c", "/x\\..\\admin%5c"),
            ("/group%2Fproject", "/group/project"),
        ] {
            match PathForms::read(sent) {
                Ok(_) => assert!(forms(sent).iter().any(|form| form == read), "{sent}: {:?}", forms(sent)),
                Err(why) => assert!(why.contains("dot segment"), "{sent}: {why}"),
            }
        }
    }

    #[test]
    fn refuses_what_no_client_means() {
        for path in [
            "/a/../b",
            "/a/./b",
            "/..",
            "/%2e%2e/b",
            "/a/%2E./b",
            "/a\\b",
            "/ü",
            "/a\u{1}",
            "/..;/b",
            "/a%2f..%2fb",
        ] {
            assert!(PathForms::read(path).is_err(), "{path}");
        }
        assert!(PathForms::read(&format!("/%{}41", "25".repeat(20))).is_err());
    }

    proptest! {
        #[test]
        fn the_first_form_is_what_was_sent(path in "/[a-z%0-9;/.]{0,20}") {
            if let Ok(forms) = PathForms::read(&path) {
                prop_assert_eq!(forms.iter().next(), Some(path.as_bytes()));
            }
        }
    }
}
