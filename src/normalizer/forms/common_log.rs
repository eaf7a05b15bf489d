//! The Common Log Format, as API Gateway's console and the CDK offer it for the three kinds of API.
//!
//! ```text
//! REST       ip caller user [time]"METHOD /resource/path protocol" status length request-id [extended-request-id]
//! HTTP       ip - - [time] "METHOD METHOD /route protocol" status length request-id [extended-request-id]
//! WebSocket  ip caller user [time] "EVENT-TYPE route-key connection-id" [status] request-id
//! ```
//!
//! AWS prints the format of REST APIs without a blank before the request, the CDK and others with one.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-access-logging.html>.

use bumpalo::Bump;

use crate::ecs::FlatValue;
use crate::normalizer::convert::timestamp::request_time;
use crate::normalizer::variables::access_log::AccessLog;

/// Reads a line; `None` if it is of another form.
pub(crate) fn read<'a>(arena: &'a Bump, line: &'a str) -> Option<AccessLog<'a>> {
    let (client, rest) = line.split_once(" [")?;
    let (time, rest) = rest.split_once(']')?;
    let rest = rest.trim_start().strip_prefix('"')?;
    (time == "-" || request_time(time).is_some()).then_some(())?;
    let (request, rest) = rest
        .split_once("\" ")
        .or_else(|| Some((rest.strip_suffix('"')?, "")))?;
    let [ip, caller, user] = words(client)?;
    let mut log = AccessLog::new(arena, "clf");
    let mut push = |key, value| log.push(key, FlatValue::Text(value));
    push("ip", ip);
    push("caller", caller);
    push("user", user);
    push("requestTime", time);
    let (first, request) = request.split_once(' ')?;
    let (middle, last) = request.rsplit_once(' ')?;
    let keys = if last.starts_with("HTTP/") || last == "-" {
        push("httpMethod", first);
        // A route key has a method of its own, or is `$default`; a resource has a path.
        push(
            if middle.starts_with('/') {
                "resourcePath"
            } else {
                "routeKey"
            },
            middle,
        );
        push("protocol", last);
        &["status", "responseLength", "requestId", "extendedRequestId"][..]
    } else {
        push("eventType", first);
        push("routeKey", middle);
        push("connectionId", last);
        // The Serverless Framework's has no status.
        if rest.contains(' ') {
            &["status", "requestId"][..]
        } else {
            &["requestId"]
        }
    };
    let mut rest = rest.trim();
    for key in keys {
        let (value, others) = rest.split_once(' ').unwrap_or((rest, ""));
        if *key == "status" && !value.is_empty() && !is_status(value) {
            return None;
        }
        if rest.is_empty() || (key.ends_with("Id") && !is_id(value)) {
            break;
        }
        // AWS's format for HTTP APIs puts the extended id in parentheses in some places.
        push(key, value.trim_matches(['(', ')']));
        rest = others.trim_start();
    }
    if let Some((referrer, user_agent)) = rest
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"')?.split_once("\" \""))
    {
        // The "combined" format of web servers ends so.
        push("referrer", referrer);
        push("userAgent", user_agent);
    } else if !rest.is_empty() {
        push("rest", rest);
    }
    Some(log)
}

fn words(text: &str) -> Option<[&str; 3]> {
    let mut words = text.split(' ');
    let three = [words.next()?, words.next()?, words.next()?];
    (words.next().is_none() && three.iter().all(|word| !word.is_empty())).then_some(three)
}

fn is_status(text: &str) -> bool {
    text == "-" || (text.len() == 3 && text.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Whether a word can be a request's id, and is not the start of something else.
fn is_id(text: &str) -> bool {
    const SHORTEST: usize = 8;
    let text = text.trim_matches(['(', ')']);
    let is_id_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/.~".contains(&byte);
    let is_long = text.len() >= SHORTEST || text.contains(|c: char| c.is_ascii_digit());
    text == "-" || (is_long && text.trim_end_matches('=').bytes().all(is_id_byte))
}
