//! One request, and its line in the format that `log-format` recommends.

use super::super::log_format::{ApiType, line};
use super::apis::Api;
use super::clients::{ClientKind, ShopClient};
use super::ending::Ending;
use super::random::Random;
use crate::ecs::Timestamp;

/// A message of a WebSocket API, with its connection.
#[derive(Clone, Debug)]
pub(super) struct WebsocketMessage {
    pub(super) event_type: &'static str,
    pub(super) connection_id: String,
    /// In milliseconds since 1970.
    pub(super) connected_at: i64,
}

#[derive(Debug)]
pub(super) struct ShopRequest<'a> {
    pub(super) api: &'a Api,
    pub(super) client: &'a ShopClient,
    pub(super) account: &'a str,
    /// In milliseconds since 1970.
    pub(super) time: i64,
    pub(super) method: &'a str,
    /// The path of the resource, or the route of a WebSocket API; `None` for a path that leads
    /// nowhere.
    pub(super) resource: Option<&'a str>,
    /// The path as the client wrote it, without the stage.
    pub(super) path: String,
    pub(super) deployment: &'static str,
    pub(super) ending: Ending,
    /// In milliseconds.
    pub(super) integration_latency: u64,
    /// API Gateway's own share of the latency, in milliseconds.
    pub(super) overhead: u64,
    pub(super) bytes: u64,
    pub(super) message: Option<WebsocketMessage>,
}

impl ShopRequest<'_> {
    /// In milliseconds.
    pub(super) fn latency(&self) -> u64 {
        self.overhead
            + if self.ending.reaches_the_integration() {
                self.integration_latency
            } else {
                0
            }
    }

    pub(super) fn line(&self, random: &mut Random) -> String {
        let id = random.id();
        let request_id = if self.api.api_type == ApiType::Rest {
            random.uuid()
        } else {
            id.clone()
        };
        let mut line = line(self.api.api_type, |variable| match variable {
            "extendedRequestId" => Some(id.clone()),
            "requestId" => Some(request_id.clone()),
            "messageId" => self.message.is_some().then(|| random.id()),
            "integration.requestId" => self.ending.reaches_the_integration().then(|| random.uuid()),
            "authorizer.requestId" => self.ending.authorizer_status().map(|_| random.uuid()),
            "xrayTraceId" => Some(format!(
                "1-{:08x}-{}{}",
                self.time.div_euclid(1_000),
                random.hex(12),
                random.hex(12)
            )),
            _ => self
                .of_the_request(variable)
                .or_else(|| self.of_the_client(variable))
                .or_else(|| self.of_the_message(variable))
                .or_else(|| self.of_the_ending(variable)),
        });
        line.insert_str(line.rfind('}').unwrap_or(0), self.api.own_members);
        line
    }

    fn of_the_request(&self, variable: &str) -> Option<String> {
        let prefix = if self.api.stage == "$default" {
            String::new()
        } else {
            format!("/{}", self.api.stage)
        };
        Some(match variable {
            "accountId" => self.account.to_owned(),
            "apiId" => self.api.id.to_owned(),
            "domainName" => format!("{}.execute-api.eu-central-1.amazonaws.com", self.api.id),
            "stage" => self.api.stage.to_owned(),
            "deploymentId" => self.deployment.to_owned(),
            "isCanaryRequest" => "false".to_owned(),
            "requestTimeEpoch" => self.time.to_string(),
            "httpMethod" => self.method.to_owned(),
            "path" => format!("{prefix}{}", self.path),
            "resourcePath" => self.resource?.to_owned(),
            "routeKey" if self.message.is_some() => self.resource?.to_owned(),
            "routeKey" => format!("{} {}", self.method, self.resource?),
            "protocol" => "HTTP/1.1".to_owned(),
            _ => return None,
        })
    }

    fn of_the_client(&self, variable: &str) -> Option<String> {
        let arn = self
            .client
            .user
            .map(|user| format!("arn:aws:iam::{}:{user}", self.account));
        match variable {
            "identity.sourceIp" => Some(self.client.ip.clone()),
            "identity.userAgent" => Some(self.client.user_agent.to_owned()),
            "identity.apiKeyId" => self.client.api_key.clone(),
            "identity.userArn" => arn,
            "identity.accountId" => arn.map(|_| self.account.to_owned()),
            "authorizer.principalId" => (self.ending.authorizer_status() == Some(200))
                .then(|| self.client.principal.clone()),
            "tlsVersion" => Some(
                if self.client.kind == ClientKind::Export {
                    "TLSv1.2"
                } else {
                    "TLSv1.3"
                }
                .to_owned(),
            ),
            "cipherSuite" if self.client.kind == ClientKind::Export => {
                Some("ECDHE-RSA-AES128-GCM-SHA256".to_owned())
            }
            "cipherSuite" => Some("TLS_AES_128_GCM_SHA256".to_owned()),
            _ => None,
        }
    }

    fn of_the_message(&self, variable: &str) -> Option<String> {
        let message = self.message.as_ref()?;
        match variable {
            "eventType" => Some(message.event_type.to_owned()),
            "connectionId" => Some(message.connection_id.clone()),
            "connectedAt" => Some(message.connected_at.to_string()),
            _ => None,
        }
    }

    fn of_the_ending(&self, variable: &str) -> Option<String> {
        let ending = self.ending;
        let blocked = ending == Ending::Blocked;
        let number = |number: Option<u16>| number.map(|number| number.to_string());
        let text = |text: Option<&str>| text.map(str::to_owned);
        match variable {
            "status" => number(Some(ending.status())),
            "responseLength" | "dataProcessed" => Some(self.bytes.to_string()),
            "responseLatency" => Some(self.latency().to_string()),
            "integration.latency" => ending
                .reaches_the_integration()
                .then(|| self.integration_latency.to_string()),
            "integration.status" | "integration.integrationStatus" => {
                number(ending.integration_status())
            }
            "integration.error" => text(ending.integration_error()),
            "error.message" => text(ending.error().map(|(_, message)| message)),
            "error.responseType" => text(ending.error().map(|(kind, _)| kind)),
            "authorizer.status" => number(ending.authorizer_status()),
            "authorizer.error" => text(ending.authorizer_error()),
            "authorizer.latency" => ending
                .authorizer_status()
                .map(|_| (self.overhead / 2).to_string()),
            "wafResponseCode" => Some(if blocked { "WAF_BLOCK" } else { "WAF_ALLOW" }.to_owned()),
            "waf.status" => Some(if blocked { "403" } else { "200" }.to_owned()),
            "webaclArn" => Some(format!(
                "arn:aws:wafv2:eu-central-1:{}:regional/webacl/shop/1f2e3d",
                self.account
            )),
            _ => None,
        }
    }

    /// Returns when API Gateway writes the line.
    pub(super) fn written_at(&self) -> Timestamp {
        Timestamp(self.time.saturating_add_unsigned(self.latency()))
    }
}
