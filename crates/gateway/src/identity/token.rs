//! Session tokens: JWT, HS256, nothing else (system-and-users 2.2).

use super::Account;
use antiphon_model::{Error, Limits, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

const ISSUER: &str = "antiphon";

/// The instance's secret: 32 random bytes that never leave the data folder.
pub struct Secret(pub [u8; 32]);

impl Secret {
    /// A fresh one from the system's random source.
    pub fn generate() -> Result<Secret> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| Error::internal("No random source.", error))?;
        Ok(Secret(bytes))
    }
}

/// A token as handed out.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// What the client sends back.
    pub token: String,
    /// Its end, in seconds since 1970.
    pub expires: i64,
}

/// What a person wants of a session.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionWish {
    /// Refreshed without end, if the settings allow that.
    pub remember_me: bool,
    /// Seconds that the token shall be good for; never more than the limit `token_minutes`.
    pub duration: Option<u64>,
}

/// Why a token is no good. The texts are the original's where it has one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Its time is over.
    #[error("Token has expired")]
    Expired,
    /// Malformed, forged, or another server's.
    #[error("{0}")]
    Invalid(&'static str),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    pub user_id: i64,
    /// When the first token of the session was issued: the refresh window begins there.
    iat: i64,
    /// When this token was issued.
    nbf: i64,
    exp: i64,
    pub jti: String,
    #[serde(default)]
    forever: bool,
    #[serde(rename = "gen")]
    pub generation: i64,
}

impl Claims {
    /// When the token's identifier need not be remembered any more, in seconds since 1970.
    pub(super) fn end(&self) -> i64 {
        if self.forever { i64::MAX } else { self.exp }
    }

    pub(super) fn expires(&self) -> i64 {
        self.exp
    }
}

pub(super) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    without_expiry: Validation,
    seconds: i64,
    refresh_seconds: i64,
    max_bytes: usize,
    allow_forever: bool,
}

impl Tokens {
    pub(super) fn new(secret: &Secret, limits: &Limits, allow_forever: bool) -> Tokens {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 0;
        let mut without_expiry = validation.clone();
        without_expiry.validate_exp = false;
        Tokens {
            encoding: EncodingKey::from_secret(&secret.0),
            decoding: DecodingKey::from_secret(&secret.0),
            validation,
            without_expiry,
            seconds: minutes(limits.token_minutes),
            refresh_seconds: minutes(limits.token_refresh_minutes),
            max_bytes: limits.token_bytes,
            allow_forever,
        }
    }

    /// The first token of a session.
    pub(super) fn issue(&self, account: &Account, wish: SessionWish) -> Result<IssuedToken> {
        let wanted = wish.duration.and_then(|seconds| i64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
        let seconds = wanted.map_or(self.seconds, |seconds| seconds.min(self.seconds));
        self.sign(account, now(), seconds, wish.remember_me && self.allow_forever)
    }

    /// A token in the place of one of the same session.
    pub(super) fn reissue(&self, account: &Account, before: &Claims) -> Result<IssuedToken> {
        let seconds = before.exp.saturating_sub(before.nbf).clamp(1, self.seconds.max(1));
        self.sign(account, before.iat, seconds, before.forever)
    }

    fn sign(&self, account: &Account, session_began: i64, seconds: i64, forever: bool) -> Result<IssuedToken> {
        let mut identifier = [0; 16];
        getrandom::fill(&mut identifier).map_err(|error| Error::internal("No random source.", error))?;
        let now = now();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: account.user.id.to_string(),
            user_id: account.user.id,
            iat: session_began,
            nbf: now,
            exp: now.saturating_add(seconds),
            jti: URL_SAFE_NO_PAD.encode(identifier),
            forever,
            generation: account.token_generation,
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| Error::internal("The session token could not be made.", error))?;
        Ok(IssuedToken { token, expires: claims.exp })
    }

    pub(super) fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        self.decode(token, &self.validation)
    }

    /// As [`Tokens::verify`], but for a token whose end may be past, as long as its session began within the refresh window.
    pub(super) fn verify_for_refresh(&self, token: &str) -> Result<Claims, TokenError> {
        let claims = self.decode(token, &self.without_expiry)?;
        let is_endless = claims.forever && self.allow_forever;
        if !is_endless && claims.iat.saturating_add(self.refresh_seconds) < now() {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    fn decode(&self, token: &str, validation: &Validation) -> Result<Claims, TokenError> {
        if token.len() > self.max_bytes {
            return Err(TokenError::Invalid("It is too long for a session token of this server."));
        }
        if token.split('.').count() != 3 {
            return Err(TokenError::Invalid("Wrong number of segments"));
        }
        decode::<Claims>(token, &self.decoding, validation).map(|data| data.claims).map_err(|error| {
            TokenError::Invalid(match error.kind() {
                ErrorKind::ExpiredSignature => return TokenError::Expired,
                ErrorKind::InvalidSignature => "Token Signature could not be verified.",
                ErrorKind::InvalidIssuer => "It was issued by another server.",
                ErrorKind::InvalidAlgorithm => "Its algorithm is not accepted.",
                ErrorKind::ImmatureSignature => "It is not valid yet.",
                ErrorKind::Base64(_) => {
                    "Could not decode token: Error while decoding from Base64Url, invalid base64 characters detected"
                }
                _ => "It is not a session token of this server.",
            })
        })
    }
}

fn minutes(count: u64) -> i64 {
    i64::try_from(count.saturating_mul(60)).unwrap_or(i64::MAX)
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::User;
    use std::sync::Arc;

    fn account() -> Account {
        let user = Arc::new(User { id: 7, ..User::default() });
        Account { user, is_active: true, token_generation: 3, password_hash: None, unconfirmed_since: None }
    }

    fn tokens() -> Tokens {
        Tokens::new(&Secret([1; 32]), &Limits::default(), false)
    }

    fn issue(tokens: &Tokens) -> String {
        tokens.issue(&account(), SessionWish::default()).unwrap().token
    }

    fn reason(token: &str) -> &'static str {
        match tokens().verify(token) {
            Err(TokenError::Invalid(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// The same token with other claims or another header, signed with the right secret.
    fn crafted(header: &Header, change: impl FnOnce(&mut Claims)) -> String {
        let mut claims = tokens().verify(&issue(&tokens())).unwrap();
        change(&mut claims);
        encode(header, &claims, &EncodingKey::from_secret(&[1; 32])).unwrap()
    }

    #[test]
    fn a_token_names_its_account_and_no_two_are_alike() {
        let first = issue(&tokens());
        let claims = tokens().verify(&first).unwrap();
        assert_eq!((claims.user_id, claims.generation), (7, 3));
        assert_ne!(first, issue(&tokens()));
    }

    #[test]
    fn forged_unsigned_and_foreign_tokens_are_invalid_each_with_its_reason() {
        let foreign = issue(&Tokens::new(&Secret([2; 32]), &Limits::default(), false));
        assert_eq!(reason(&foreign), "Token Signature could not be verified.");
        let good = issue(&tokens());
        let (head, body) = (good.split('.').next().unwrap(), good.split('.').nth(1).unwrap());
        let none = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#));
        reason(&none);
        reason(&good[..good.len() - 2]);
        assert_eq!(reason(&format!("{head}.{body}")), "Wrong number of segments");
        assert_eq!(reason("x"), "Wrong number of segments");
        assert!(reason("a.b.c").starts_with("Could not decode token: "));
        reason(&"x".repeat(1 << 20));
        assert_eq!(reason(&crafted(&Header::new(Algorithm::HS512), |_| ())), "Its algorithm is not accepted.");
        let hs256 = Header::new(Algorithm::HS256);
        assert_eq!(reason(&crafted(&hs256, |claims| claims.iss = "other".into())), "It was issued by another server.");
        assert_eq!(reason(&crafted(&hs256, |claims| claims.nbf += 3600)), "It is not valid yet.");
    }

    #[test]
    fn an_expired_token_can_be_refreshed_only_within_the_window_of_its_session() {
        let hs256 = Header::new(Algorithm::HS256);
        let expired = crafted(&hs256, |claims| claims.exp -= 7200);
        assert_eq!(tokens().verify(&expired).unwrap_err(), TokenError::Expired);
        let claims = tokens().verify_for_refresh(&expired).unwrap();
        let next = tokens().verify(&tokens().reissue(&account(), &claims).unwrap().token).unwrap();
        assert_eq!(next.iat, claims.iat);
        let old = |claims: &mut Claims| claims.iat -= 20_161 * 60;
        assert_eq!(tokens().verify_for_refresh(&crafted(&hs256, old)).unwrap_err(), TokenError::Expired);
    }

    #[test]
    fn a_session_is_remembered_forever_only_where_that_is_allowed() {
        let generous = Tokens::new(&Secret([1; 32]), &Limits::default(), true);
        let wish = SessionWish { remember_me: true, duration: None };
        let forever = |tokens: &Tokens| {
            let claims = tokens.verify(&tokens.issue(&account(), wish).unwrap().token).unwrap();
            claims.forever
        };
        assert!(forever(&generous) && !forever(&tokens()));
        let old = crafted(&Header::new(Algorithm::HS256), |claims| {
            claims.iat -= 20_161 * 60;
            claims.forever = true;
        });
        assert!(generous.verify_for_refresh(&old).is_ok());
        assert!(tokens().verify_for_refresh(&old).is_err());
    }

    #[test]
    fn a_session_can_be_shorter_but_not_longer_than_the_limit() {
        let life = |duration| {
            let issued = tokens().issue(&account(), SessionWish { remember_me: false, duration }).unwrap();
            issued.expires - tokens().verify(&issued.token).unwrap().nbf
        };
        assert_eq!(life(None), 3600);
        assert_eq!(life(Some(60)), 60);
        assert_eq!(life(Some(u64::MAX)), 3600);
        assert_eq!(life(Some(86_400)), 3600);
        assert_eq!(life(Some(0)), 3600);
    }
}
