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

/// Why a token is no good.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its time is over.
    #[error("Token has expired.")]
    Expired,
    /// Malformed, forged, or another server's.
    #[error("{0}")]
    Invalid(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub sub: String,
    pub user_id: i64,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub jti: String,
    #[serde(default)]
    pub forever: bool,
    #[serde(rename = "gen")]
    pub generation: i64,
}

pub(super) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    without_expiry: Validation,
    seconds: i64,
    refresh_seconds: i64,
}

impl Tokens {
    pub(super) fn new(secret: &Secret, limits: &Limits) -> Tokens {
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
        }
    }

    pub(super) fn issue(&self, account: &Account) -> Result<IssuedToken> {
        let mut identifier = [0; 16];
        getrandom::fill(&mut identifier).map_err(|error| Error::internal("No random source.", error))?;
        let now = now();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: account.user.id.to_string(),
            user_id: account.user.id,
            iat: now,
            nbf: now,
            exp: now.saturating_add(self.seconds),
            jti: URL_SAFE_NO_PAD.encode(identifier),
            forever: false,
            generation: account.token_generation,
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| Error::internal("The session token could not be made.", error))?;
        Ok(IssuedToken { token, expires: claims.exp })
    }

    pub(super) fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        self.decode(token, &self.validation)
    }

    /// As [`Tokens::verify`], but for a token whose end is past and whose issue lies within the refresh window.
    pub(super) fn verify_for_refresh(&self, token: &str) -> Result<Claims, TokenError> {
        let claims = self.decode(token, &self.without_expiry)?;
        if claims.iat.saturating_add(self.refresh_seconds) < now() {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    fn decode(&self, token: &str, validation: &Validation) -> Result<Claims, TokenError> {
        decode::<Claims>(token, &self.decoding, validation).map(|data| data.claims).map_err(|error| {
            match error.kind() {
                ErrorKind::ExpiredSignature => TokenError::Expired,
                ErrorKind::InvalidSignature => TokenError::Invalid("Token Signature could not be verified.".to_owned()),
                ErrorKind::InvalidIssuer => TokenError::Invalid("It was issued by another server.".to_owned()),
                ErrorKind::InvalidAlgorithm => TokenError::Invalid("Its algorithm is not accepted.".to_owned()),
                _ => TokenError::Invalid("It is not a session token of this server.".to_owned()),
            }
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
        Account { user, is_active: true, token_generation: 3, password_hash: None }
    }

    fn tokens(limits: &Limits) -> Tokens {
        Tokens::new(&Secret([1; 32]), limits)
    }

    #[test]
    fn a_token_names_its_account_and_no_two_are_alike() {
        let tokens = tokens(&Limits::default());
        let first = tokens.issue(&account()).unwrap().token;
        let claims = tokens.verify(&first).unwrap();
        assert_eq!((claims.user_id, claims.generation), (7, 3));
        assert_ne!(first, tokens.issue(&account()).unwrap().token);
    }

    #[test]
    fn a_forged_or_unsigned_token_is_invalid() {
        let limits = Limits::default();
        let foreign = Tokens::new(&Secret([2; 32]), &limits).issue(&account()).unwrap().token;
        assert!(matches!(tokens(&limits).verify(&foreign), Err(TokenError::Invalid(_))));
        let body = foreign.split('.').nth(1).unwrap();
        let none = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#));
        assert!(matches!(tokens(&limits).verify(&none), Err(TokenError::Invalid(_))));
        assert!(matches!(tokens(&limits).verify("x"), Err(TokenError::Invalid(_))));
    }

    #[test]
    fn an_expired_token_can_be_refreshed_only_within_the_window() {
        let mut tokens = tokens(&Limits::default());
        tokens.seconds = -10;
        let expired = tokens.issue(&account()).unwrap().token;
        assert!(matches!(tokens.verify(&expired), Err(TokenError::Expired)));
        assert!(tokens.verify_for_refresh(&expired).is_ok());
        tokens.refresh_seconds = -1;
        assert!(matches!(tokens.verify_for_refresh(&expired), Err(TokenError::Expired)));
    }
}
