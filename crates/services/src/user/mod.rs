//! The user service: what people do with their own account (system-and-users 2.3 to 2.7).

mod custom;
mod register;

use crate::api_docs::action_schemas;
use crate::system::session::{self, Side};
use crate::system::{self, SystemStore, listing, password, profile, secrecy, session_route};
use antiphon_gateway::{Call, Matched, Route, RouteTable, Schema, SecrecyOf, Service, Shape, blocking};
use antiphon_model::Verb::{self, Delete, Get, Patch, Post, Put};
use antiphon_model::{Object, Response, Result};
use async_trait::async_trait;
use std::sync::Arc;

/// The user service.
pub struct UserService {
    store: Arc<SystemStore>,
    routes: RouteTable,
}

impl UserService {
    /// The service over that store.
    pub fn new(store: Arc<SystemStore>) -> UserService {
        UserService { store, routes: routes() }
    }

    fn answer(&self, call: &Call<'_>) -> Result<Response> {
        match call.matched.route.pattern() {
            "" => Ok(listing::root(call, &self.routes, |_| Object::new())),
            "password" => password::handle(&self.store, call, Side::User),
            "profile" => profile::handle(&self.store, call, Side::User),
            "session" => session::handle(&self.store, call, Side::User),
            "custom" => custom::handle(&self.store, call, None),
            "custom/{id}" => custom::handle(&self.store, call, Some(call.matched.parameter("id"))),
            _ => register::handle(&self.store, call),
        }
    }
}

fn routes() -> RouteTable {
    RouteTable::new(vec![
        Route::new("", &[Get], "What people can do with their account").carries(Shape::Listing),
        Route::new("password", &[Post], "Change one's password")
            .also(&[Put, Patch])
            .public(&[Post, Put, Patch])
            .carries(system::PASSWORD),
        Route::new("profile", &[Get, Post], "One's own account")
            .also(&[Put, Patch])
            .public(&Verb::ALL)
            .carries(system::PROFILE),
        Route::new("register", &[Post], "Become a user")
            .also(&[Put, Patch])
            .public(&[Post, Put, Patch])
            .carries(Shape::Action { request: "RegisterRequest", response: "RegisterResponse" }),
        session_route("session"),
        Route::new("custom", &[Get, Post, Patch, Put, Delete], "One's own named values")
            .carries(Shape::Collection("NamedValue"))
            .creates(),
        Route::new("custom/{id}", &[Get, Patch, Put, Delete], "One of them").legacy_event("custom"),
    ])
}

#[async_trait]
impl Service for UserService {
    fn routes(&self) -> &RouteTable {
        &self.routes
    }

    async fn handle(&self, call: Call<'_>) -> Result<Response> {
        blocking(|| self.answer(&call))
    }

    fn secrecy(&self, matched: &Matched) -> Option<SecrecyOf> {
        // What somebody keeps under a name of their own is theirs to show.
        (!matched.route.pattern().starts_with("custom")).then_some(secrecy::account)
    }

    fn schemas(&self) -> Result<Vec<Schema>> {
        Ok(action_schemas())
    }
}
