//! Lines that hold a credential. Each is made from a name, a container, an encoding, a surrounding
//! text, and a place to cut it off.

/// A part of every credential. A document that shows it shows the credential.
pub const MARK: &str = "s3cr3t";

/// The text of every credential.
const CORE: &str = "s3cr3tv4lu3";

/// Names that README promises to mask.
const NAMES: &[&str] = &[
    "apiKey",
    "api_key",
    "x-api-key",
    "Ocp-Apim-Subscription-Key",
    "access_key",
    "private_key",
    "authorization",
    "Authorization",
    "proxy-authorization",
    "authHeader",
    "token",
    "access_token",
    "idToken",
    "refresh-token",
    "X-Amz-Security-Token",
    "X-Auth-Token",
    "jwt",
    "userJwt",
    "bearer",
    "Cookie",
    "Set-Cookie",
    "cookies",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "client_secret",
    "secretKey",
    "credentials",
    "creds",
    "X-Amz-Signature",
    "client_assertion",
    "SAMLResponse",
    "sessionId",
    "JSESSIONID",
    "PHPSESSID",
    "csrf",
    "connectionString",
    "x-functions-key",
    "hmac",
    "mfaCode",
    "pass",
    "db_pass",
    "auth",
    "x-auth",
    "sig",
    "session",
    "sid",
    "otp",
    "pin",
    "code",
];

/// Credentials with characters at which a parser may stop too early.
const SECRETS: &[&str] = &[
    "S",
    "S==",
    "a,S",
    "a;S",
    "a)S",
    "a]S",
    "a}S",
    "a<S",
    "a\"S",
    "a\\S",
    "a'S",
    "a|S",
    "a:S",
    "a!S",
    "a%S",
    "a=S",
    "a/S",
    "a+S",
    "{S}",
    "[S]",
    "(S)",
    "correct horse S",
    "\"S\"",
    "a=1; sid=\"S\"",
    "a=1,sid=S",
    "Bearer S",
    "bearer S",
    "BEARER S",
    "Basic S==",
    "Token S",
    "Key S",
    "JWT S",
    "Custom a=b, c=S",
    "Custom a}S",
    "Hawk id=\"a\", mac=\"S\"",
    "Digest username=\"bob\", response=\"S\"",
    "OAuth a=\"b\", oauth_verifier=\"S\"",
];

/// Texts that reveal a credential by its form. `§` stands for the credential.
const LOOKS: &[&str] = &[
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.§",
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.§.tag",
    "eyJhbGciOiJIUzI1NiJ9.e30.§",
    "eyJhbGciOiJIUzI1NiJ9%2EeyJzdWIiOiJhIn0%2E§",
    "/verify/eyJhbGciOiJIUzI1NiJ9.e30.§",
    "Bearer §",
    "bearer §",
    "BEARER §",
    "Bearer%20§",
    "Bearer+§",
    "Bearer 17|§",
    "Bearer a:§",
    "Bearer a!§",
    "Bearer \"§\"",
    "Bearer a%§",
    "Basic §==",
    "basic §",
    "BASIC §",
    "with Bearer § in it",
    "Token §",
    "ApiKey §==",
    "Negotiate §",
    "Digest username=\"bob\", response=\"§\"",
    "https://bob:§@example.com/a",
    "postgres://bob:§@db:5432/a",
    "see https://bob:a@§@example.com/a?b=c",
    "https://bob:a/§@example.com/",
    "https://§-as-a-token@example.com",
    "-----BEGIN PRIVATE KEY-----\n§\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\\n§\\n",
    "-----BEGIN%20EC%20PRIVATE%20KEY-----§",
    "ghp_§",
    "github_pat_§",
    "xoxb-1-§",
    "sk_live_§",
    "glpat-§",
    "sk-ant-§",
    "/hooks/xoxp-1-§/a",
    "'§' not a valid key=value pair (missing equal-sign) in Authorization header: '§'.",
    "'a'§' not a valid key=value pair (missing equal-sign) in Authorization header: 'a'§'.",
];

/// Chooses one of this many.
pub trait Pick {
    fn pick(&mut self, count: usize) -> usize;

    fn of<'a, T: ?Sized>(&mut self, list: &'a [&'a T]) -> &'a T {
        list.get(self.pick(list.len())).expect("one of the list")
    }
}

/// Returns a line with a credential in it; `None` if the choices do not go together.
pub fn line(pick: &mut impl Pick) -> Option<String> {
    let (text, may_be_cut) = if pick.pick(6) == 0 {
        let look = pick.of(LOOKS);
        // In these forms, text after the credential is part of it.
        let is_short = ["token@", "not a valid", ":a@", ":a/"]
            .iter()
            .any(|part| look.contains(part));
        (look.replace('§', CORE), !is_short)
    } else {
        let text = keyed(pick)?;
        let is_named_last = ["{\"value\":", "<input value="]
            .iter()
            .any(|start| text.starts_with(start));
        (text, !is_named_last)
    };
    let line = surrounded(&text, pick)?;
    Some(if may_be_cut { cut(line, pick) } else { line })
}

/// Returns the line, sometimes cut off after the first letters of the credential.
fn cut(mut line: String, pick: &mut impl Pick) -> String {
    let start = line.rfind(MARK).map_or(line.len(), |at| at + MARK.len());
    if pick.pick(3) == 0 && line.len() > start {
        let end = line.floor_char_boundary(start + pick.pick((line.len() - start).min(24)));
        line.truncate(end);
        if pick.pick(3) == 0 {
            line.push_str(" [TRUNCATED]");
        }
    }
    line
}

/// Returns a name in one of its spellings.
fn spelled(name: &str, pick: &mut impl Pick) -> (String, Spelling) {
    let percent = |sign: &str| {
        let place = 1.min(name.len() - 1);
        let (head, tail) = name.split_at(place);
        let (letter, tail) = tail.split_at(1);
        format!(
            "{head}{sign}{:02x}{tail}",
            letter.bytes().next().unwrap_or_default()
        )
    };
    let middle = name.len() / 2;
    let (head, tail) = name.split_at(middle);
    match pick.pick(14) {
        0 => (name.to_uppercase(), Spelling::Plain),
        1 => (percent("%"), Spelling::Encoded),
        2 => (percent("%25"), Spelling::Encoded),
        3 => (format!("user[{name}]"), Spelling::Bracketed),
        4 => (format!("{name}[]"), Spelling::Bracketed),
        5 => (format!("{name}[0]"), Spelling::Bracketed),
        6 => (format!("user%5B{name}%5D"), Spelling::Encoded),
        7 if name.contains('_') => (
            name.replace('_', pick.of(&[":", "/", "+", " ", ".", "-"])),
            Spelling::Separated,
        ),
        8 if name.contains('-') => (
            name.replace('-', pick.of(&["%2D", "%2d", "%252D"])),
            Spelling::Encoded,
        ),
        9 if name.len() > 7 && tail.starts_with(|c: char| c.is_ascii_lowercase()) => (
            format!("{head}{}{tail}", pick.of(&[" ", "_", "."])),
            Spelling::Separated,
        ),
        _ => (name.to_owned(), Spelling::Plain),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Plain,
    Encoded,
    Bracketed,
    Separated,
}

fn keyed(pick: &mut impl Pick) -> Option<String> {
    let plain_name = pick.of(NAMES);
    let (name, spelling) = spelled(plain_name, pick);
    let secret = pick.of(SECRETS).replace('S', CORE);
    let is_plain = spelling == Spelling::Plain;
    let is_code = plain_name == "code";
    let quoted_name = json(&name);
    let json = json(&secret);
    let parameter = parameter(&secret);
    let header = secret.clone();
    // `code` is a credential in a query and in a form. Elsewhere it is usually an error's code.
    let container = pick.pick(if is_code { 8 } else { 46 });
    let is_in_url = container < 8;
    let fits = match spelling {
        Spelling::Plain => true,
        Spelling::Encoded => is_in_url || (10..16).contains(&container),
        Spelling::Bracketed => is_in_url || (10..16).contains(&container) || container == 33,
        Spelling::Separated => !name.contains([' ', '/', '+']) || (8..16).contains(&container),
    };
    if !fits {
        return None;
    }
    Some(match container {
        0 => format!("/pets?{name}={parameter}"),
        1 => format!("/pets?page=2&{name}={parameter}&size=3"),
        2 => format!("https://api.example.com/a?{name}={parameter}#top"),
        3 => format!("GET /pets?{name}={parameter} HTTP/1.1"),
        4 => format!("/pets?{name}%3D{parameter}"),
        5 => format!("{name}={parameter}&user=bob"),
        6 => format!("user=bob&{name}={parameter}"),
        7 => format!("/callback#{name}={parameter}&state=x"),
        8 => format!("{name}: {header}"),
        9 => format!("Host: x\r\n{name}: {header}\r\nAccept: */*"),
        10 => format!(r#"{{"user":"bob",{quoted_name}:{json},"n":1}}"#),
        11 => format!(r#"{{"user":"bob", {quoted_name} : {json}}}"#),
        12 if !plain_name.ends_with("wt") => {
            format!(r#"{{"a":{{{quoted_name}:{{"a":{json}}}}},"n":1}}"#)
        }
        13 => format!(r#"[1,{{{quoted_name}:["x",{json}]}}]"#),
        14 => format!(
            "{{\"a\":{}}}",
            self::json(&format!(r#"{{{quoted_name}:{json},"n":[1]}}"#))
        ),
        15 => format!(r#"POST {{"user":"bob",{quoted_name}:{json}}} failed"#),
        16 if is_plain => format!("{{Accept=*/*, {name}={header}, Host=x}}"),
        17 if is_plain => format!("{{Host=x, {name}={header}}}"),
        18 if is_plain => format!(r#"["Host","x",{quoted_name},{json},"Accept","*/*"]"#),
        19 if is_plain => format!(r#"[["a","b"],[{quoted_name},{json}]]"#),
        20 if is_plain => format!(r#"{{"name":{quoted_name},"value":{json}}}"#),
        21 if is_plain => format!(r#"{{"value":{json},"name":{quoted_name}}}"#),
        22 if is_plain => format!(r#"[{{"k":{quoted_name},"v":{json}}},{{"k":"a","v":"b"}}]"#),
        23 if is_plain => format!("<a><{name}>{}</{name}><b>x</b></a>", xml(&secret)),
        24 if is_plain => format!(
            r#"<a><ns:{name} xsi:type="xsd:string">{}</ns:{name}></a>"#,
            xml(&secret)
        ),
        25 if is_plain => format!("<{name}><![CDATA[{secret}]]></{name}>"),
        26 if is_plain => format!(r#"<user id="1" {name}="{}" x="y"/>"#, xml(&secret)),
        27 if is_plain => xml(&format!("<{name}>{}</{name}>", xml(&secret))),
        28 if is_plain => format!(r#"<param name="{name}" value="{}"/>"#, xml(&secret)),
        29 if is_plain => format!(r#"<input value="{}" name="{name}">"#, xml(&secret)),
        30 if is_plain => format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{secret}\r\n--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--b--"
        ),
        31 if is_plain => format!(r#"{{{quoted_name}=>{json}, "a"=>1}}"#),
        32 if is_plain && !name.contains('-') => format!(r#"{{:{name}=>{json}, :a=>1}}"#),
        33 if !secret.contains(['\'', '\\']) => format!("{{'{name}': '{secret}', 'x': 'y'}}"),
        34 => format!("an application says {name}={secret}"),
        35 => format!("an application says {name}: {secret}"),
        36 => format!("level=info {name}={json} status=200"),
        37 if is_plain => format!("deploy --{name} {secret}"),
        38 if is_plain => percent(&format!("user=bob&{name}={parameter}")),
        39 if is_plain => percent(&format!(r#"{{"user":"bob",{quoted_name}:{json}}}"#)),
        40 if is_plain => percent(&percent(&format!("user=bob&{name}={parameter}"))),
        41 if is_plain => format!("{name} header: {secret}"),
        42 if is_plain => format!("[{name}] => {secret}"),
        43 if is_plain => format!("{{user=bob, {name}={secret}}}"),
        44 if is_plain => format!("Server=db;{name}={secret};Database=a"),
        45 if is_plain => format!(r#"{{"a":"b","headers":{{{quoted_name}:[{json}]}}}}"#),
        _ => return None,
    })
}

/// Returns a line with the text in it.
fn surrounded(text: &str, pick: &mut impl Pick) -> Option<String> {
    let quoted = json(text);
    let is_path = text.starts_with('/');
    let is_one_line = !text.contains(['\n', '\r']);
    Some(match pick.pick(20) {
        0 => format!(r#"{{"requestId":"req-1","errorMessage":{quoted},"status":"400"}}"#),
        1 if is_path => {
            format!(r#"{{"requestId":"req-1","path":{quoted},"domainName":"api.example.com"}}"#)
        }
        2 => format!(r#"{{"requestId":"req-1","resourcePath":{quoted},"status":"200"}}"#),
        3 => format!(r#"{{"requestId":"req-1","userAgent":{quoted},"status":"200"}}"#),
        4 => format!(r#"{{"requestId":"req-1","note":{quoted},"status":"200"}}"#),
        5 => format!(
            r#"{{"requestId":"req-1","authorizer":{{"note":{quoted}}},"waf":{{"error":{quoted}}}}}"#
        ),
        6 => {
            format!(r#"{{"requestId":"req-1","tenant":{{"note":["x",{quoted}]}},"status":"200"}}"#)
        }
        7 => format!(r#"{{"requestId":"req-1","note":{quoted},"responseLatency":-}}"#),
        8 => format!(
            r#"{{"requestId":"req-1","status":"200","errorMessage":{quoted},"ip":192.0.2.1}}"#
        ),
        9 if is_path => {
            format!(
                r#"192.0.2.1 - - [01/Mar/2026:08:30:00 +0000] "GET {text} HTTP/1.1" 200 1184 req-00001"#
            )
        }
        10 => format!(
            r#"192.0.2.1 - - [01/Mar/2026:08:30:00 +0000] "GET /pets HTTP/1.1" 200 1184 req-00001 - {text}"#
        ),
        11 if is_one_line => {
            format!("requestId: req-1, ip: 192.0.2.1, errorMessage: {text}, status: 200")
        }
        12 if is_one_line => format!("requestId=req-1 status=200 note={text}"),
        13 => format!(
            "(6b1c2d3e-0000-4000-8000-00000000abcd) Method request body before transformations: {text}"
        ),
        14 => format!("(6b1c2d3e-0000-4000-8000-00000000abcd) Method request headers: {text}"),
        15 => text.to_owned(),
        16 => format!("some program says: {text}"),
        17 => format!(
            r#"{{"requestId":"req-1","status":"200"}}{{"requestId":"req-2","note":{quoted}}}"#
        ),
        18 if text.starts_with("{\"") => {
            format!("{{\"requestId\":\"req-1\",{}", text.strip_prefix('{')?)
        }
        19 => format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","logEvents":[{{"id":"1","timestamp":1,"message":{quoted}}}]}}"#
        ),
        _ => return None,
    })
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a text can be written")
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Returns a value as clients write it in a query: only characters that would end it are encoded.
fn parameter(text: &str) -> String {
    text.replace('%', "%25")
        .replace(' ', "%20")
        .replace('&', "%26")
        .replace('#', "%23")
}

fn percent(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
