//! The masking of credentials: text in, masked text out. It knows nothing of lines and their forms.
//!
//! The rule: **a value under the name of a credential is masked to the end of its container.** A
//! query parameter ends at the next `&` or `#`, or with the URL. A header or a list of cookies ends
//! with the header, an element at its closing tag, an attribute or a JSON value at its own end, and
//! a part of a form at its boundary. If the container is unknown, the rest of the line is masked,
//! up to a field whose name is known to be harmless: too much rather than too little.
//!
//! A name counts in any case, with any separators between its letters, in quotes and brackets, and
//! after percent-decoding once or twice. The name may stand beside its value
//! (`"name":"token","value":…`, in either order, or in a list). Escaped characters never end a
//! value. Tokens, authorization schemes, private keys and the passwords of URLs are also recognised
//! by their looks.
//!
//! All detectors look at the same text, and their findings are joined before anything is replaced,
//! so no mask hides a credential from another detector.

mod clean;
mod ends;
mod json;
mod keyed;
mod looks;
mod members;
mod names;
mod suspicion;
mod view;

use std::borrow::Cow;
use std::ops::Range;

use bumpalo::Bump;
use serde_json::value::RawValue;

pub(super) use self::keyed::{is_code, is_harmless, is_nothing};
pub(super) use self::members::{Names, PlacedValue, keys_in_open_objects, mask_parts};
pub(super) use self::names::{hides_object, is_secret, is_separator};
pub(super) use self::suspicion::is_suspicious;
use self::view::View;
use crate::parts::Parts;

/// The text in place of a credential.
const MASK: &str = "***";

/// Upper bound on the number of decodings: percent-encoding may be double, and inside the entities
/// of XML.
const MOST_DECODINGS: usize = 3;

/// A replacement of a part of a text.
struct Edit {
    place: Range<usize>,
    text: Cow<'static, str>,
}

/// Returns the text with `***` in place of every credential.
pub fn mask<'a>(text: &'a str, arena: &'a Bump) -> &'a str {
    masked(text).map_or(text, |masked| arena.alloc_str(&masked))
}

/// Returns the text, masked if it shows any sign of a credential. Of the many values of a line,
/// hardly any does.
#[inline]
pub(super) fn mask_suspicious<'a>(text: &'a str, arena: &'a Bump) -> &'a str {
    if is_suspicious(text) {
        mask(text, arena)
    } else {
        text
    }
}

/// Returns the text with `***` at the places of credentials.
pub(super) fn mask_places<'a>(text: &'a str, places: &[Range<usize>], arena: &'a Bump) -> &'a str {
    let edits = places.iter().map(|place| Edit {
        place: place.clone(),
        text: MASK.into(),
    });
    edited(text, edits.collect()).map_or(text, |edited| arena.alloc_str(&edited))
}

/// Returns the JSON value of a key without the credentials inside.
pub(super) fn mask_json<'a>(key: &str, json: &'a RawValue, arena: &'a Bump) -> &'a RawValue {
    match edited(json.get(), json::find_under(key, json.get())) {
        None => json,
        Some(masked) => serde_json::from_str(arena.alloc_str(&masked)).unwrap_or(json),
    }
}

/// Returns the text without credentials; `None` if it has none.
fn masked(text: &str) -> Option<String> {
    if !is_suspicious(text) {
        return None;
    }
    let edits = if json::is_json(text) {
        json::find(text)
    } else {
        found(text)
    };
    edited(text, edits)
}

/// Finds the credentials in a text that is not JSON.
fn found(text: &str) -> Vec<Edit> {
    let mut view = View::plain(text);
    let mut edits = Vec::new();
    for _ in 0..=MOST_DECODINGS {
        let mut places = Vec::new();
        keyed::find(&view, &mut places);
        looks::find(&view, &mut places);
        json::find_embedded(&view.text, &mut places);
        edits.extend(edits_in(text, &view, places));
        let Some(decoded) = view.decoded() else {
            break;
        };
        view = decoded;
    }
    edits.extend(found_in_strings(text));
    edits.extend(found_in_table(text));
    edits
}

/// Finds the credentials in the objects of JSON that stand in strings of JSON, even twice.
fn found_in_strings(text: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut inside = View::plain(text).of_string();
    for _ in 0..MOST_DECODINGS {
        let Some(view) = inside else {
            break;
        };
        let mut places = Vec::new();
        json::find_embedded(&view.text, &mut places);
        edits.extend(edits_in(text, &view, places));
        inside = view.of_string();
    }
    edits
}

/// Finds the credentials in a table of comma-separated values, in which quotes are doubled.
fn found_in_table(text: &str) -> Vec<Edit> {
    let Some(view) = View::of_table(text) else {
        return Vec::new();
    };
    let mut places = Vec::new();
    keyed::find(&view, &mut places);
    json::find_embedded(&view.text, &mut places);
    edits_in(text, &view, places).collect()
}

/// Masks places of a view in the text.
fn edits_in(text: &str, view: &View<'_>, places: Vec<Range<usize>>) -> impl Iterator<Item = Edit> {
    places.into_iter().map(|place| {
        let place = view.place(place.start)..view.place(place.end);
        let text = in_quotes(text.part(place.clone()));
        Edit {
            place,
            text: Cow::Borrowed(text),
        }
    })
}

/// Returns `***` in the quotes that the credential had.
fn in_quotes(secret: &str) -> &'static str {
    if secret.len() > 3 && secret.starts_with("\"\"") && secret.ends_with("\"\"") {
        return r#"""***"""#;
    }
    let quotes = secret.trim_start_matches('\\');
    match (quotes.bytes().next(), quotes.len() < secret.len()) {
        (Some(b'"'), true) => r#"\"***\""#,
        (Some(b'"'), false) => r#""***""#,
        _ => MASK,
    }
}

/// Returns the text with all edits made; `None` if there are none. Overlapping edits become one.
fn edited(text: &str, mut edits: Vec<Edit>) -> Option<String> {
    if edits.is_empty() {
        return None;
    }
    edits.sort_by_key(|edit| (edit.place.start, std::cmp::Reverse(edit.place.end)));
    let mut edited = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        if edit.place.start >= done {
            edited.push_str(text.part(done..edit.place.start));
            edited.push_str(&edit.text);
        }
        done = done.max(edit.place.end);
    }
    edited.push_str(text.part(done..));
    Some(edited)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) fn assert_masked(cases: &[(&str, &str)]) {
        let arena = Bump::new();
        let wrong: Vec<_> = cases
            .iter()
            .map(|(text, expected)| (*text, mask(text, &arena), *expected))
            .filter(|(_, masked, expected)| masked != expected)
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn masks_credentials_and_nothing_else() {
        let cases = [
            (
                r#"{"apiKey":"s3cr3t","apiKeyId":"qqvqzk33df"}"#,
                r#"{"apiKey":"***","apiKeyId":"qqvqzk33df"}"#,
            ),
            (
                r#"{"x-function-key":"s3cr3t"}"#,
                r#"{"x-function-key":"***"}"#,
            ),
            (
                r#"[{"name":"@password","value":"s3cr3t"}]"#,
                r#"[{"name":"@password","value":"***"}]"#,
            ),
            (
                r#"{"param":"password","arg":"s3cr3t"}"#,
                r#"{"param":"password","arg":"***"}"#,
            ),
            (
                r#"{"data":"s3cr3t","id":"password"}"#,
                r#"{"data":"***","id":"password"}"#,
            ),
            (
                r#"[{arg,"s3cr3t"},{password,"s3cr3t"}]"#,
                r#"[{arg,"s3cr3t"},{password,"***"}]"#,
            ),
            (
                r#"((user . "ann") (password . "s3cr3t"))"#,
                r#"((user . "ann") (password . "***"))"#,
            ),
            (
                r#"{"type":"field","value":"s3cr3t","path":"password"}"#,
                r#"{"type":"field","value":"***","path":"password"}"#,
            ),
            (
                r#"{"path":"$.user.password","value":"s3cr3t"}"#,
                r#"{"path":"$.user.password","value":"***"}"#,
            ),
            (
                r#"{"path":"/users/password","value":"5"}"#,
                r#"{"path":"/users/password","value":"5"}"#,
            ),
            (
                r#"bad: {"path":"$.user.password","value":"s3cr3t"}"#,
                r#"bad: {"path":"$.user.password"***}"#,
            ),
            (
                "- name: DB_PASSWORD\n  value: s3 cr3t\n- name: x\n  value: y",
                "- name: DB_PASSWORD\n  value: ***\n- name: x\n  value: y",
            ),
            (
                "<p><name>user[password]</name><value>s3cr3t</value></p>",
                "<p><name>user[password]</name><value>***</value></p>",
            ),
            (
                "a=b&note=%7B+%22password%22+%3A+%22s3%23cr3t%22+%7D",
                "a=b&note=%7B+%22password%22+%3A+***",
            ),
            ("note=X-Api-Key+%3D+s3+cr3t", "note=X-Api-Key+%3D+***"),
            (
                r#"{"api_key" : "s3\"cr3t","ip":"-"}"#,
                r#"{"api_key" : "***","ip":"-"}"#,
            ),
            (
                r#"{"identity":{"apiKey":"s3cr3t"}}"#,
                r#"{"identity":{"apiKey":"***"}}"#,
            ),
            (r#"{"apiKey":"-"}"#, r#"{"apiKey":"-"}"#),
            (
                r#"{"auth":{"iam":{"userArn":"a","x":"s3cr3t"},"keys":["s3cr3t"]}}"#,
                r#"{"auth":{"iam":{"userArn":"a","x":"***"},"keys":"***"}}"#,
            ),
            (r#"{"auth.token":"s3cr3t"}"#, r#"{"auth.token":"***"}"#),
            (r#"{"tokens":["a","b"],"x":1}"#, r#"{"tokens":"***","x":1}"#),
            (
                r#"{"body":"{\"password\":\"s3cr3t\",\"a\":1}"}"#,
                r#"{"body":"{\"password\":\"***\",\"a\":1}"}"#,
            ),
            (r#"{"apiKey":"s3cr3t"#, r#"{"apiKey":"***""#),
            (
                "(id) headers: {Authorization=Bearer a.b.c, Cookie=a=b; c=d, Host=x}",
                "(id) headers: {Authorization=***, Cookie=***, Host=x}",
            ),
            (
                "requestId: a, X-Api-Key: s3cr3t, ip: 192.0.2.1",
                "requestId: a, X-Api-Key: ***, ip: 192.0.2.1",
            ),
            (
                "(id) API Key:  API Stage: a1b2c3/prod",
                "(id) API Key:  API Stage: a1b2c3/prod",
            ),
            (
                "(id) API Key: s3cr3t API Stage: a1b2c3/prod",
                "(id) API Key: *** API Stage: a1b2c3/prod",
            ),
            (
                "token_count=5 path=/x token=s3cr3t status=500",
                "token_count=5 path=/x token=*** status=500",
            ),
            (
                "password: s3cr3t; user: Bob, secretary: Ann",
                "password: ***; user: Bob, secretary: Ann",
            ),
            (
                r#"{"msg":"token: s3cr3t","status":"200"}"#,
                r#"{"msg":"token: ***","status":"200"}"#,
            ),
            (
                r#"{"msg":"token: Bearer a.b.c"}"#,
                r#"{"msg":"token: ***"}"#,
            ),
            (
                "<r><apiKey>s3cr3t</apiKey><ip>-</ip></r>",
                "<r><apiKey>***</apiKey><ip>-</ip></r>",
            ),
            (
                r#"{"passwd":"s3cr3t","jwt":"s3cr3t","private_key":"s3cr3t"}"#,
                r#"{"passwd":"***","jwt":"***","private_key":"***"}"#,
            ),
            (
                r#"{"token":123456,"status":200}"#,
                r#"{"token":"***","status":200}"#,
            ),
            (
                r#"{"\u0061piKey":"s3cr3t","x":"\u0041"}"#,
                r#"{"\u0061piKey":"***","x":"\u0041"}"#,
            ),
            (
                r#"{"x":"\u0061piKey","y":1}"#,
                r#"{"x":"\u0061piKey","y":1}"#,
            ),
            (
                r#"{"auth":"Bearer abcdefgh.ijklmnop","y":1}"#,
                r#"{"auth":"***","y":1}"#,
            ),
            (
                r#"["eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"]"#,
                r#"["***"]"#,
            ),
            (
                "Basic knowledge, Bearer of news",
                "Basic knowledge, Bearer of news",
            ),
            (
                "/verify/eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl?x=1",
                "/verify/***?x=1",
            ),
            ("note=user[code]=s3cr3t", "note=user[code]=***"),
            // The password continues behind a field, unless another field or nothing follows it.
            ("password=a status=200 s3cr3t", "password=***"),
            (
                "{name=bob; pass=a status=200 s3cr3t}",
                "{name=bob; pass=***}",
            ),
            (
                "password=s3cr3t status=200 b=c",
                "password=*** status=200 b=c",
            ),
            (
                "password=s3cr3t msg=it went wrong",
                "password=*** msg=it went wrong",
            ),
            // An owner's object called after a token holds the token.
            (
                r#"{"userJwt":{"S":"s3cr3t"},"jwt":{"claims":{"sub":"a"}}}"#,
                r#"{"userJwt":"***","jwt":{"claims":{"sub":"a"}}}"#,
            ),
            (
                r#"ERROR App - {"jwt": {"S": "s3\"cr3t"}}"#,
                r#"ERROR App - {"jwt": ***}"#,
            ),
            (
                r#""{\"note\":\"--b\\nContent-Disposition: form-data; name=token\\n\\ns3cr3t\\n--b"#,
                r#""{\"note\":\"--b\\nContent-Disposition: form-data; name=token***\\n--b"#,
            ),
            // The name beside the value was cut off.
            (
                r#"INFO [{"value": "s3cr3t", "na"#,
                r#"INFO [{"value": "***", "na"#,
            ),
            (
                r#"INFO {"id": 1, "value": "a", "name": "b", "c"#,
                r#"INFO {"id": 1, "value": "a", "name": "b", "c"#,
            ),
            (r#"INFO {"value": "a"}"#, r#"INFO {"value": "a"}"#),
            (
                r#"INFO {"type":"field","value":"s3cr3t","m"#,
                r#"INFO {"type":"field","value":"***","m"#,
            ),
            (
                r#"INFO {"type":"field","value":"s3cr3t","msg":"bad","path":"passw"#,
                r#"INFO {"type":"field","value":"***","msg":"bad","path":"passw"#,
            ),
            (
                r#"INFO {"input":"s3cr3t","loc":["bo"#,
                r#"INFO {"input":"***","loc":["bo"#,
            ),
            (
                r#"INFO {"loc":["body","age"],"input":"5","c"#,
                r#"INFO {"loc":["body","age"],"input":"5","c"#,
            ),
            (r#"<add value="s3cr3t" k"#, r#"<add value="***" k"#),
            (
                r#"<add key="size" value="5" x"#,
                r#"<add key="size" value="5" x"#,
            ),
            // The name of a group is a part of its members' names.
            (
                r#"INFO {"api":{"id":1,"key":"s3cr3t"},"x":1} {"private":{"key":"s3cr3t"#,
                r#"INFO {"api":{"id":1,"key":"***"},"x":1} {"private":{"key":"***""#,
            ),
            (
                r#"INFO {"a":"{\"access\":{\"id\":1,\"key\":\"s3cr3t\"}}","b":1}"#,
                r#"INFO {"a":"{\"access\":{\"id\":1,\"key\":\"***\"}}","b":1}"#,
            ),
            (
                r#"INFO {"connection":[{"string":"s3cr3t"}]}"#,
                r#"INFO {"connection":[{"string":"***"}]}"#,
            ),
            (
                r#"INFO {"api":{"id":"x"},"key":"y"}"#,
                r#"INFO {"api":{"id":"x"},"key":"y"}"#,
            ),
            ("{'api': {'key': 's3cr3t'}}", "{'api': {'key': ***}}"),
            ("api:\n  key: s3cr3t", "api:\n  key: ***"),
            ("api:\nkey: x", "api:\nkey: x"),
            (
                "<api><key>s3cr3t</key><id>1</id></api>",
                "<api><key>***</key><id>1</id></api>",
            ),
            ("[api]\nkey=s3cr3t", "[api]\nkey=***"),
            // Up to three separators stand between the words of a name.
            (
                "ACCESS__KEY=s3cr3t&api--key=s3cr3t",
                "ACCESS__KEY=***&api--key=***",
            ),
            ("api - key: s3cr3t", "api - key: ***"),
            ("/a?api%20%20key=s3cr3t", "/a?api%20%20key=***"),
            ("Authorization Header: s3cr3t", "Authorization Header: ***"),
            (
                "Cookie Header Value was: s3cr3t",
                "Cookie Header Value was: ***",
            ),
            ("the password is: s3cr3t", "the password is: ***"),
            (
                "Authorization header is invalid",
                "Authorization header is invalid",
            ),
            (
                "x?f=password%20eq%20%27s3cr3t%27",
                "x?f=password%20eq%20***",
            ),
            // A parser's tokens are none.
            (
                "Unexpected token: < in JSON at position 0",
                "Unexpected token: < in JSON at position 0",
            ),
            ("invalid token: s3cr3t", "invalid token: ***"),
            // Keys of several words.
            (
                r#"INFO {"new password (again)":"s3cr3t","b":1}"#,
                r#"INFO {"new password (again)":"***","b":1}"#,
            ),
            (
                r#"INFO {"x-api-key?":"s3cr3t","b"#,
                r#"INFO {"x-api-key?":"***","b"#,
            ),
            (
                r#"INFO [{"op":"add","path":"/tokens/-","value":"s3cr3t"}]"#,
                r#"INFO [{"op":"add","path":"/tokens/-","value":"***"}]"#,
            ),
            (
                "{'/user/password/0': 's3cr3t'}",
                "{'/user/password/0': ***}",
            ),
            // Tables double the quotes of JSON.
            (
                r#"192.0.2.1,"{""user"":"""",""token"":""s3cr3t"",""b"":1}",200"#,
                r#"192.0.2.1,"{""user"":"""",""token"":""***"",""b"":1}",200"#,
            ),
            // Colours of a terminal.
            (
                "\x1b[36mpassword\x1b[0m=s3cr3t",
                "\x1b[36mpassword\x1b[0m=***",
            ),
            ("\x1b[36mauth=\x1b[0ms3cr3t", "\x1b[36mauth=\x1b[0m***"),
            ("[36mtoken[0m=s3cr3t", "[36mtoken[0m=***"),
            (
                "Key (tenant, api_key)=(5, s3cr3t) already exists.",
                "Key (tenant, api_key)=(***",
            ),
            // Elements stand between a name and its value, or behind both.
            (
                "<name>password</name><type>x</type><value>s3cr3t</value>",
                "<name>password</name><type>x</type><value>***</value>",
            ),
            (
                "<m><value>s3cr3t</value><type>x</type><name>password</name></m>",
                "<m><value>***</value><type>x</type><name>password</name></m>",
            ),
            (
                "<m><name>a</name><value>1</value></m><m><name>pin</name><value>s3cr3t</value></m>",
                "<m><name>a</name><value>1</value></m><m><name>pin</name><value>***</value></m>",
            ),
            (
                r#"http.Header{"Authorization":[]string{"s3cr3t"}, "A":[]string{"b"}}"#,
                r#"http.Header{"Authorization":***, "A":[]string{"b"}}"#,
            ),
            (
                r#"map[string]interface {}{"password":[]interface {}{1, "s3cr3t"}}"#,
                r#"map[string]interface {}{"password":***}"#,
            ),
            // Lists and objects of YAML.
            (
                "a:\n  tokens:\n  - s3cr3t\n  - s3cr3t\n  b: 1",
                "a:\n  tokens:***\n  b: 1",
            ),
            (
                "- password:\n    x: 1\n    y: s3cr3t\n  user: bob",
                "- password:***\n  user: bob",
            ),
            (
                "invalid token:\n\tat a.B(C.java:1)\n\tat d.E(F.java:2)",
                "invalid token:\n\tat a.B(C.java:1)\n\tat d.E(F.java:2)",
            ),
            // Marks around a name, or behind it.
            ("**api_key**: s3cr3t", "**api_key**: ***"),
            ("<b>Password</b>: s3cr3t", "<b>Password</b>: ***"),
            (
                "password*: s3cr3t\npassword?=s3cr3t\npassword#1=s3cr3t",
                "password*: ***\npassword?=***\npassword#1=***",
            ),
            (
                "password(base64)=s3cr3t\n${password}=s3cr3t\n(password): s3cr3t",
                "password(base64)=***\n${password}=***\n(password): ***",
            ),
            ("/a?x=1&password+=+s3cr3t", "/a?x=1&password+=***"),
            (
                "(token) is missing? yes: it is",
                "(token) is missing? yes: it is",
            ),
            (
                "INFO {\"api_key\"\u{a0}: \"s3cr3t\"}",
                "INFO {\"api_key\"\u{a0}: \"***\"}",
            ),
            ("[curl, --password, s3cr3t]", "[curl, --password, ***]"),
            ("curl [--password, --user]", "curl [--password, --user]"),
            (
                r#"[{<<"token">>,<<"s3cr3t">>}]"#,
                r#"[{<<"token">>,***>>}]"#,
            ),
            ("$ENV{'TOKEN'} = 's3cr3t'", "$ENV{'TOKEN'} = ***"),
            (
                r#"[AnyHashable("token"): "s3cr3t"]"#,
                r#"[AnyHashable("token"): "***"]"#,
            ),
            (
                "%token%=s3cr3t\n{token} = s3cr3t",
                "%token%=***\n{token} = ***",
            ),
            ("/users/{token}: not found", "/users/{token}: not found"),
            ("password (hex): s3cr3t", "password (hex): ***"),
            ("WHERE token LIKE 's3cr3t%'", "WHERE token LIKE ***"),
            (r#"setPassword("s3cr3t")"#, r#"setPassword("***")"#),
            (r#"Invalid password "s3cr3t""#, r#"Invalid password "***""#),
            ("%u0070assword&equals;s3cr3t", "%u0070assword&equals;***"),
            (r"\u{70}assword=s3cr3t", r"\u{70}assword=***"),
            (r"\160assword&#61s3cr3t", r"\160assword&#61***"),
            ("nothing to hide", "nothing to hide"),
        ];
        assert_masked(&cases);
    }

    /// Pieces of texts that hold credentials, and of texts that do not.
    fn pieces() -> impl Strategy<Value = String> {
        let pieces = [
            "Bearer",
            "basic",
            "Digest",
            "AWS4-HMAC-SHA256",
            "Signature",
            "token",
            "apikey",
            "jwt",
            "Negotiate",
            "NTLM",
            "ssws",
            "splunk",
            "hawk",
            "OAuth",
            "API Key",
            "API key",
            "password",
            "pass",
            "auth",
            "sig",
            "code",
            "api_key",
            "Authorization header",
            "name",
            "value",
            "{\"value\":\"",
            " ",
            "  ",
            "--",
            "-",
            "_",
            ".",
            "/",
            ",",
            ";",
            "=",
            ":",
            "'",
            "\"",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "<",
            ">",
            "&",
            "?",
            "@",
            "//",
            "%3D",
            "\\u003d",
            "\t",
            "\n",
            "s3cr3t",
            "Zm9vOmJhcg",
            "a1B2c3D4e5F6g7H8",
            "eyJhbGciOiJkaXIifQ",
            "eyAiYWxnIjogImRpciIgfQ",
            "ewogICJhbGciOiAiZGlyIn0",
            "ewoiYWxnIjoiZGlyIn0",
            "ew0KIkFsZyI6ImRpciJ9",
            "ewkiYWxnIjoiZGlyIn0",
            "@tcp(",
            ":@",
            "ghp_",
            "github_pat_",
            "glpat-",
            "xoxb-",
            "xapp-",
            "sk_live_",
            "rk_test_",
            "sk-ant-",
            "npm_",
            "pypi-",
            "hf_",
            "shpat_",
            "dop_v1_",
            "whsec_",
            "xkeysib-",
            "ya29.",
            "AGE-SECRET-KEY-",
            "AIza",
            "AKIA",
            "ASIA",
            "SG.",
            "-----BEGIN PRIVATE KEY",
            "Mozilla/5.0",
            "GET",
            "and API Stage",
            "authorized because",
        ];
        let piece = proptest::sample::select(pieces.to_vec());
        proptest::collection::vec(piece, 1..9).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

        #[test]
        fn a_text_with_a_credential_is_suspicious(text in pieces()) {
            let credentials = found(&text).len();
            prop_assert!(is_suspicious(&text) || credentials == 0, "{}", credentials);
        }
    }

    /// A debug build panics at a place that a text does not have.
    #[test]
    fn broken_lines_have_no_wrong_places() {
        for line in [
            r#"INFO {"api":{"b":"\"\\\n","key":"a\"\u00e4ö"},"x":"{\"private\":{\"key\":\"\\\"s\"}}"} ""a"":""b"" x"#,
            "\u{1b}[36mtokenä\u{1b}[0m=\\u001b[1m <value>ä</value><name>pin</name><b>ö</b> tokens:\n - ä\n - ö",
            r#"<add value="ä" k (token, ä)=(ö password (hex)="a" <<"token">>,<<"ä">> "token":[]string{"ö""#,
            r#"{"requestId":"r","resourcePath":"/pets?token=s3cr3t","ro"curl/8.11.1uteKey":"GET /pets?api_key3","userAgent":"app (x-api-key: s3cr3t)"}"#,
            r#"{"requestId": "r", "path": "/or:"-1"}ders/{id}", "requestTime":y/2026", "errorMessage": "-"}"#,
        ] {
            for (place, _) in line.char_indices() {
                masked(line.part(place..));
                masked(line.part(..place));
            }
        }
    }

    #[test]
    fn a_text_with_very_many_keys_is_masked_behind_them() {
        let arena = Bump::new();
        let some = "token=a&x=b&".repeat(64);
        let masked = mask(&some, &arena);
        assert_eq!(masked, "token=***&x=b&".repeat(64));
        let many = format!("{some}session=a&x=b&token=c&x=d");
        assert_eq!(mask(&many, &arena), format!("{masked}session=***&x=b&***"));
    }

    #[test]
    fn json_stays_json() {
        let arena = Bump::new();
        let cases = [
            (
                r#"[{"authorization":"Bearer s3cr3t"},1]"#,
                r#"[{"authorization":"***"},1]"#,
            ),
            (
                r#""{\"password\":\"s3cr3t\"}""#,
                r#""{\"password\":\"***\"}""#,
            ),
            (r#"{"a":[{"token":123}]}"#, r#"{"a":[{"token":"***"}]}"#),
            (r#"{"token":{"a":{"b":"s3cr3t"}}}"#, r#"{"token":"***"}"#),
            (r#"{"a":"b"}"#, r#"{"a":"b"}"#),
        ];
        for (json, expected) in cases {
            let json: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(mask_json("a", json, &arena).get(), expected, "{json}");
        }
    }
}
