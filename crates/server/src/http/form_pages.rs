//! `/setup` and `/confirm`: what the two forms do (system-and-users 2.4, 2.5).

use super::encode::{self, HttpResponse};
use super::forms::{self, CONFIRM, Form, SETUP};
use super::wishes::Wishes;
use super::{Edge, decode};
use antiphon_gateway::Credentials;
use antiphon_model::{Client, Error, Object, Request, Response, Result, Value, Verb, json};
use bytes::Bytes;
use hyper::Method;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use std::net::IpAddr;

/// Which of the forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormPage {
    /// `/setup`.
    Setup,
    /// `/confirm`.
    Confirm,
}

impl Edge {
    /// Shows a form, or does what it asks for.
    pub(super) async fn form(
        &self,
        page: FormPage,
        peer: IpAddr,
        parts: &Parts,
        body: Incoming,
    ) -> Result<HttpResponse> {
        if page == FormPage::Setup && self.door.is_set_up()? {
            return Ok(forms::redirect("/"));
        }
        let form = match page {
            FormPage::Setup => &SETUP,
            FormPage::Confirm => &CONFIRM,
        };
        let is_sent = parts.method == Method::POST;
        let content = if is_sent { self.read(&parts.headers, body).await? } else { Bytes::new() };
        let request = decode::decode(parts, Verb::Post, String::new(), String::new(), content)?;
        if !is_sent {
            return Ok(form.page(&request.parameters, None));
        }
        forms::refuse_other_pages(&parts.headers)?;
        let Value::Object(sent) = &request.payload else {
            return Err(Error::bad_request("Send the fields of the form, as a form or as a JSON object."));
        };
        let done = match page {
            FormPage::Setup => self.door.set_up(sent).map(|_| ()),
            FormPage::Confirm => self.confirm(sent, self.proxies.client(peer, &parts.headers)).await,
        };
        Ok(answer(page, form, sent, done, parts, &request))
    }

    /// Sets the password through the API, like any client with the code of a mail.
    async fn confirm(&self, sent: &Object, client: Client) -> Result<()> {
        if sent.get("password_confirmation").is_some_and(|repeated| Some(repeated) != sent.get("new_password")) {
            return Err(Error::bad_request("The password confirmation does not match."));
        }
        let is_admin = sent.get("admin").and_then(Value::as_str) == Some("1");
        let (service, resource) = if is_admin { ("system", "admin/password") } else { ("user", "password") };
        let member = |name: &str| sent.get(name).cloned().unwrap_or_default();
        let mut request = Request::new(Verb::Post, service, resource);
        request.payload =
            json!({ "email": member("email"), "code": member("code"), "new_password": member("new_password") });
        let answer = self.door.call(request, Credentials { client, ..Credentials::default() }).await;
        if answer.response.status < 400 { Ok(()) } else { Err(answer.response.into_error()) }
    }
}

/// A page for people, an envelope for programs.
fn answer(
    page: FormPage,
    form: &Form,
    sent: &Object,
    done: Result<()>,
    parts: &Parts,
    request: &Request,
) -> HttpResponse {
    let is_person = forms::wants_page(&parts.headers);
    match done {
        Err(error) if is_person => form.page(sent, Some(&error)),
        Err(error) => encode::encode(Response::from(&error), &Wishes::of(request)),
        Ok(()) if !is_person => encode::encode(Response::created(json!({ "success": true })), &Wishes::of(request)),
        Ok(()) => match page {
            FormPage::Setup => forms::redirect("/"),
            FormPage::Confirm => forms::message("Done", "Your password is saved. You can log in with it now."),
        },
    }
}
