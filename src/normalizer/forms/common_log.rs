//! The Common Log Format in the variants that API Gateway's console and the CDK offer for the three
//! kinds of API.
//!
//! ```text
//! REST       ip caller user [time]"METHOD /resource/path protocol" status length request-id [extended-request-id]
//! HTTP       ip - - [time] "METHOD METHOD /route protocol" status length request-id [extended-request-id]
//! WebSocket  ip caller user [time] "EVENT-TYPE route-key connection-id" [status] request-id
//! ```
//!
//! AWS prints the format of REST APIs without a blank before the request, the CDK and others with
//! one.
//!
//! Source:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-access-logging.html>.

use bumpalo::Bump;
use memchr::memchr_iter;

use crate::ecs::FlatValue;
use crate::normalizer::convert::timestamp::request_time;
use crate::normalizer::variables::access_log::AccessLog;
use crate::normalizer::variables::form::{
    is_gateway_message, is_hostname, is_integration_message, is_ip, is_method, is_protocol,
    is_request_id,
};

/// Returns whether a line has quotes that a client wrote. The quotes of the format open and close a
/// value in turn, and any other quote may cut the line into values at the wrong places.
pub(crate) fn has_foreign_quotes(line: &str) -> bool {
    let bytes = line.as_bytes();
    let byte = |place: Option<usize>| place.and_then(|place| bytes.get(place));
    memchr_iter(b'"', bytes).enumerate().any(|(number, quote)| {
        let opens = matches!(byte(quote.checked_sub(1)), None | Some(b' ' | b']'));
        let closes = matches!(byte(Some(quote + 1)), None | Some(b' '));
        if number % 2 == 0 { !opens } else { !closes }
    })
}

/// Reads a line; `None` if it has another form.
pub(crate) fn read<'a>(arena: &'a Bump, line: &'a str) -> Option<AccessLog<'a>> {
    let (before, rest) = line.split_once('[')?;
    let (time, rest) = rest.split_once(']')?;
    let (between, rest) = rest.split_once('"')?;
    // The time may also stand before the client.
    let client = match (before.trim(), between.trim()) {
        ("", client) | (client, "") => client,
        _ => return None,
    };
    if time != "-" && request_time(time).is_none() {
        return None;
    }
    let (request, rest) = rest
        .split_once("\" ")
        .or_else(|| Some((rest.strip_suffix('"')?, "")))?;
    let client = ClientWords::of(client)?;
    let words = RequestWords::of(request)?;
    let mut log = AccessLog::new(arena, "clf");
    let mut push = |key, value| log.push(key, FlatValue::Text(value));
    client.push(&mut push);
    push("requestTime", time);
    words.push(&mut push);
    let rest = push_in_order(words.keys_of(rest), rest.trim(), &mut push)?;
    push_ending(rest, &mut push);
    Some(log)
}

/// Adds the values behind the request, which have no names but an order, and returns the text
/// behind them. `None` if the first is not a status.
fn push_in_order<'a>(
    keys: &[&'static str],
    mut rest: &'a str,
    push: &mut impl FnMut(&'static str, &'a str),
) -> Option<&'a str> {
    for key in keys {
        let (value, others) = rest.split_once(' ').unwrap_or((rest, ""));
        if *key == "status" && !value.is_empty() && !is_status(value) {
            return None;
        }
        let is_other = match *key {
            "responseLength" => !is_length(value),
            key => key.ends_with("Id") && !is_id(value),
        };
        if rest.is_empty() || is_other {
            break;
        }
        // AWS's format for HTTP APIs puts the extended id in parentheses in some places.
        let value = value.trim_matches(['(', ')']);
        if value != "-" || !key.ends_with("Id") {
            push(key, value);
        }
        rest = others.trim_start();
    }
    Some(rest)
}

/// Adds the values at the end of a line, each of which shows which value it is.
fn push_ending<'a>(rest: &'a str, push: &mut impl FnMut(&'static str, &'a str)) {
    let quoted_pair = rest
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"')?.split_once("\" \""));
    if let Some((referrer, user_agent)) = quoted_pair {
        // The "combined" format of web servers ends like this.
        push("referrer", referrer);
        push("userAgent", user_agent);
    } else if is_integration_message(rest) && !has_another_message(rest) {
        push("integrationErrorMessage", rest);
    } else if let Some(message) = error_message(rest) {
        push("errorMessage", message);
    } else if !rest.is_empty() {
        Behind::of(rest).push(rest, push);
    }
}

/// The three words in the quotes of the request, in this order.
struct RequestWords<'a> {
    first: &'a str,
    middle: &'a str,
    last: &'a str,
}

impl<'a> RequestWords<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (first, rest) = text.split_once(' ')?;
        let (middle, last) = match rest.rsplit_once(' ') {
            Some((middle, last)) => (middle, last),
            // A format may leave out the path.
            None if is_method(first) && is_protocol(rest) => ("-", rest),
            None => return None,
        };
        Some(Self {
            first,
            middle,
            last,
        })
    }

    /// Returns whether the last word is a protocol. A WebSocket API has a connection's id there.
    fn are_of_http(&self) -> bool {
        self.last.starts_with("HTTP/") || self.last == "-"
    }

    fn push(&self, push: &mut impl FnMut(&'static str, &'a str)) {
        let keys = if !self.are_of_http() {
            ["eventType", "routeKey", "connectionId"]
        } else if self.middle.starts_with('/') {
            ["httpMethod", "resourcePath", "protocol"]
        } else {
            // A route key has its own method, or is `$default`; a resource has a path.
            ["httpMethod", "routeKey", "protocol"]
        };
        for (key, word) in keys.into_iter().zip([self.first, self.middle, self.last]) {
            push(key, word);
        }
    }

    /// Returns the keys of the values behind the request.
    fn keys_of(&self, rest: &str) -> &'static [&'static str] {
        if self.are_of_http() {
            &["status", "responseLength", "requestId", "extendedRequestId"]
        } else if rest.contains(' ') {
            &["status", "requestId"]
        } else {
            // The format of the Serverless Framework has no status.
            &["requestId"]
        }
    }
}

/// The words before the time.
struct ClientWords<'a> {
    domain: Option<&'a str>,
    request_id: Option<&'a str>,
    ip: &'a str,
    caller: &'a str,
    user: &'a str,
}

impl<'a> ClientWords<'a> {
    /// Reads three words or fewer, perhaps with dashes between them, and perhaps a request's id
    /// before them.
    fn of(text: &'a str) -> Option<Self> {
        let between = if text.split(' ').count() == 5 {
            " - "
        } else {
            " "
        };
        let mut words = text.split(between).peekable();
        let domain = words.next_if(|word| is_hostname(word));
        let request_id = words.next_if(|word| is_request_id(word));
        let client = Self {
            domain,
            request_id,
            ip: words.next()?,
            caller: words.next().unwrap_or("-"),
            user: words.next().unwrap_or("-"),
        };
        let are_words = [client.ip, client.caller, client.user]
            .iter()
            .all(|word| !word.is_empty());
        let is_sure = (request_id.is_none() && domain.is_none()) || is_ip(client.ip);
        (words.next().is_none() && are_words && is_sure).then_some(client)
    }

    fn push(&self, push: &mut impl FnMut(&'static str, &'a str)) {
        if let Some(domain) = self.domain {
            push("domainName", domain);
        }
        if let Some(id) = self.request_id {
            push("requestId", id);
        }
        push("ip", self.ip);
        push("caller", self.caller);
        push("user", self.user);
    }
}

/// Reads the words and quoted texts after the length, each of which shows which value it is.
#[derive(Default)]
struct Behind<'a> {
    user_agent: Option<&'a str>,
    request_id: Option<&'a str>,
    extended_request_id: Option<&'a str>,
    /// True if there is a word that does not show which value it is.
    has_others: bool,
    /// True if such a word has marks of JSON or of a pair, so that a quoted text may belong to it.
    has_marks: bool,
}

impl<'a> Behind<'a> {
    fn of(text: &'a str) -> Self {
        let mut behind = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (word, others) = match rest.strip_prefix('"') {
                Some(inside) => {
                    // Half a text does not count.
                    let (quoted, others) = inside.split_once('"').unwrap_or(("", ""));
                    if quoted.contains('/') && !quoted.contains("://") {
                        behind.user_agent = Some(quoted);
                    } else if quoted != "-" {
                        behind.has_others = true;
                    }
                    ("-", others)
                }
                None => rest.split_once(' ').unwrap_or((rest, "")),
            };
            rest = others.trim_start();
            if word == "-" {
                continue;
            }
            behind.has_marks |= !is_request_id(word) && word.contains(['{', '[', ':', '=', ',']);
            let is_free = is_request_id(word) && behind.extended_request_id.is_none();
            match behind.request_id {
                _ if !is_free => behind.has_others = true,
                None => behind.request_id = Some(word),
                Some(_) => behind.extended_request_id = Some(word),
            }
        }
        behind
    }

    fn push(self, text: &'a str, push: &mut impl FnMut(&'static str, &'a str)) {
        let user_agent = self.user_agent.filter(|_| !self.has_marks);
        let pairs = [
            ("userAgent", user_agent),
            ("requestId", self.request_id),
            ("extendedRequestId", self.extended_request_id),
        ];
        for (key, value) in pairs {
            if let Some(value) = value {
                push(key, value);
            }
        }
        if self.has_others {
            push("rest", text);
        }
    }
}

/// Returns the message of a text that holds it twice, the second time in quotes, or that only API
/// Gateway writes.
fn error_message(text: &str) -> Option<&str> {
    let twice = text
        .strip_suffix('"')
        .and_then(|text| text.split_once(" \""));
    match twice {
        Some((plain, quoted)) if plain == quoted => Some(plain),
        _ => (is_gateway_message(text) && !has_another_message(text)).then_some(text),
    }
}

/// Returns whether another message of API Gateway begins in a text. After a colon or a full stop, it
/// belongs to the message before it.
fn has_another_message(text: &str) -> bool {
    let mut blanks = text.match_indices(' ');
    blanks.any(|(index, _)| {
        let (before, after) = text.split_at_checked(index).unwrap_or_default();
        let after = after.trim_start();
        let is_sentence = after.starts_with(|c: char| c.is_ascii_uppercase());
        is_sentence && !before.ends_with([':', '.']) && is_gateway_message(after)
    })
}

fn is_length(text: &str) -> bool {
    text == "-" || text.bytes().all(|digit| digit.is_ascii_digit())
}

fn is_status(text: &str) -> bool {
    text == "-" || (text.len() == 3 && text.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Returns whether a word can be a request's id. The words of an error's message have no digits,
/// and do not end with `=`.
fn is_id(text: &str) -> bool {
    let text = text.trim_matches(['(', ')']);
    let is_id_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/.~".contains(&byte);
    let has_marks = text.ends_with('=') || text.contains(|c: char| c.is_ascii_digit());
    text == "-" || (has_marks && text.trim_end_matches('=').bytes().all(is_id_byte))
}
