//! `uri_parts` compared with the JDK code that Elasticsearch's processor wraps:
//! `oracles/UriParts.java`.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use apigw_logs::normalizer::convert::url::uri_parts;
use proptest::{collection::vec, prelude::*};

use crate::support::generated::{generated, piece, unescape};

const GENERATED: usize = 6_000;

/// URLs that somebody, or a scanner, may send, and edge cases of Java's two parsers.
const COLLECTED: &str = include_str!("oracles/urls.txt");

#[derive(Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parts {
    scheme: Option<String>,
    domain: Option<String>,
    path: Option<String>,
    query: Option<String>,
    fragment: Option<String>,
    port: Option<u32>,
    extension: Option<String>,
    user_info: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

#[test]
fn uri_parts_agrees_with_java() {
    let mut urls: Vec<String> = COLLECTED.lines().map(unescape).collect();
    urls.extend(generated(&url(), GENERATED));
    let answers = ask_java(&urls);
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), urls.len());
    let differing: Vec<_> = urls
        .iter()
        .zip(answers)
        .map(|(url, answer)| {
            (
                url,
                ours(url),
                serde_json::from_str::<Option<Parts>>(answer).unwrap(),
            )
        })
        .filter(|(_, ours, javas)| ours != javas)
        .collect();
    assert!(
        differing.is_empty(),
        "{} differ: {:#?}",
        differing.len(),
        differing.iter().take(8).collect::<Vec<_>>()
    );
}

fn ours(url: &str) -> Option<Parts> {
    uri_parts(url).map(|parts| Parts {
        scheme: parts.scheme.map(Into::into),
        domain: parts.domain.map(Into::into),
        path: parts.path.map(Into::into),
        query: parts.query.map(Into::into),
        fragment: parts.fragment.map(Into::into),
        port: parts.port,
        extension: parts.extension.map(Into::into),
        user_info: parts.user_info.map(Into::into),
        username: parts.username.map(Into::into),
        password: parts.password.map(Into::into),
    })
}

fn url() -> impl Strategy<Value = String> {
    let part = |pieces, most| {
        let piece = prop_oneof![9 => piece(pieces), 1 => strange()];
        vec(piece, 0..=most).prop_map(|pieces| pieces.concat())
    };
    let authority = prop_oneof![4 => part(HOST, 3), 2 => part(AUTHORITY, 5), 2 => ipv6()];
    let ordinary = (piece(SCHEMES), authority, part(TAIL, 7))
        .prop_map(|(scheme, host, tail)| scheme + &host + &tail);
    prop_oneof![8 => ordinary, 1 => part(ANYTHING, 8)]
}

fn ipv6() -> impl Strategy<Value = String> {
    let address = prop_oneof![
        vec(piece(IPV6), 0..=9).prop_map(|groups| groups.concat()),
        piece(LEGAL_IPV6)
    ];
    (address, piece(AFTER_IPV6)).prop_map(|(address, after)| format!("[{address}{after}"))
}

/// Digits of other scripts, which Java reads in a port, are left out.
fn strange() -> impl Strategy<Value = String> {
    let characters = prop_oneof![2 => proptest::char::range('\0', '\u{FF}'), 1 => any::<char>()];
    let characters = characters.prop_filter("a digit", |character| {
        character.is_ascii() || !character.is_numeric()
    });
    prop_oneof![2 => characters.prop_map(String::from), 1 => piece(STRANGE)]
}

// Pieces between blanks.
const SCHEMES: &str = r"https:// https:// https:// https:// https:// https:// https:// http:// HTTPS:// // url:https:// \u0020https://
    ftp:// file: https: https:/ https:/// https://// news: data: x\u0020y:// h\u00e9: 1a: jrt:/ nope:// a+b-c.d: :";
const HOST: &str = r"a api.example.com abc123.execute-api.us-east-2.amazonaws.com my_host a- -a a. . 1a 1.2.3.4 256.1.1.1 0001.2.3.4
    a.1b a.b1 :443 :0080 :80 : :99999999999 :2147483647 :2147483648 :-1 :+1 :-2 :8a u@ u:p@ u:p:q@ @ %41 \u00e9 xn--e1afmkfd -";
const AUTHORITY: &str = r#"a B.c 1 255 300 . - _ : @ %41 %zz % %2F [::1] [ ] ! $ & ' ( , ; = ~ * \u0020 " < ^ ` | \u005c"#;
const IPV6: &str = r"0 1 :: : :: : fe80 00001 12345 ffff 1.2.3.4 01.002.0003.4 000001.0000000000002.3.4 1.2.3.256 1.2.3 . g
    %25eth0 % %e_1.x %e-1 %e|1 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8 1:2:3:4:5:6:";
const LEGAL_IPV6: &str = r"::1 fe80::1%25eth0 1:2:3:4:5:6:7:8 ::ffff:1.2.3.4 1::";
const AFTER_IPV6: &str = r"] ] ] ]:443 ]: ]x x ]] ]@b ]:-1 ]\u0020";
const TAIL: &str = r#"/ / / pets a.b v1.2 . .. /./ /../ .json %7B %2F %2f %E2%82%AC %E2 %82 %FF %C0%80 %ED%A0%80 %ED%A0 %ED %A0 %80
    %F0%9F%98%80 %F0%9F %F4%90 %F5 %zz %4 % %00 ? ? # # & = + a=b ; : @ ! $ ' ( ) * , [ ] %41] {id} | ^ " < > \u005c ` \u0020 ~ _
    \u00e9"#;
const ANYTHING: &str =
    r"a B 1 : / // ? # @ [ ] %41 % . - + \u0020 \u00e9 https url: \u0009 \u000a \u0000";
const STRANGE: &str = r"\u00a0 \u0080 \u0081 \u0085 \u1680 \u2007 \u200b \u2028 \u3000 \ufeff \u180e \u00ad \u2047 \u2100 \u2a74 \ufe55
    \uff0f \uff20 \ufffd \ue000 \u0378 \u0130 \u212a \u017f";

fn ask_java(urls: &[String]) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oracles/UriParts.java");
    let mut java = Command::new(newest_java())
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a JDK: set JAVA_HOME, or install one");
    let mut stdin = java.stdin.take().unwrap();
    let lines: String = urls.iter().map(|url| escape(url) + "\n").collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = java.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// JAVA_HOME, otherwise the last installed JDK, otherwise PATH.
fn newest_java() -> PathBuf {
    let home = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let installed = std::fs::read_dir("/usr/lib/jvm")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut homes: Vec<PathBuf> = installed
        .filter(|home| home.join("release").exists())
        .collect();
    homes.sort_by_key(|home| release(home));
    let java = home
        .into_iter()
        .chain(homes.into_iter().rev())
        .map(|home| home.join("bin/java"))
        .find(|java| java.exists());
    java.unwrap_or_else(|| PathBuf::from("java"))
}

fn release(home: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(home.join("release")).ok()?;
    let (_, version) = text.split_once("JAVA_VERSION=\"")?;
    version.split(['.', '"']).next()?.parse().ok()
}

/// Characters other than plain ASCII are sent as `\uXXXX`.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ b' '..=b'~') if byte != b'\\' => escaped.push(char::from(byte)),
            _ => write!(escaped, "\\u{unit:04x}").unwrap(),
        }
    }
    escaped
}
