//! What is compared: the servers and the calls.

use crate::bare;
use crate::client::request;
use crate::error::{Result, attempt};
use crate::load::Exchange;
use crate::people;
use crate::platform::{Platform, TODO, TODO_TO_PATCH, todo};
use crate::process::{Process, free_address};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The calls side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// (a) The bare handler.
    Bare,
    /// (b) Antiphon without a script.
    Plain,
    /// (c) With a script before and one after.
    Scripted,
    /// (d) One script, attached elsewhere.
    OneElsewhere,
    /// (d) Many scripts, attached elsewhere.
    ManyElsewhere,
    /// (b) with an administrator's session instead of an app's key.
    PlainSession,
    /// (e) A user with a role of their own, in a small installation.
    Person,
    /// (e) The same in a large one.
    PersonAmongMany,
    /// Antiphon's HTTP edge alone.
    Status,
    /// 1 KB in, 1 KB out, no script.
    PatchPlain,
    /// 1 KB in, 1 KB out, a script before and one after.
    PatchScripted,
}

/// A call, where it goes and how it is named in the report.
pub struct Variant {
    /// Which one.
    pub call: Call,
    /// Its row in the report.
    pub title: String,
    /// The exchange.
    pub exchange: Exchange,
    server: usize,
}

/// All servers, alive together, so that rounds can go from one to the next.
pub struct Servers {
    bare: Process,
    platforms: Vec<Platform>,
}

const PLAIN: usize = 0;
const SCRIPTED: usize = 1;
const ONE: usize = 2;
const MANY: usize = 3;
const LARGE: usize = 4;
/// The one that is no platform.
const BARE: usize = 5;

impl Servers {
    /// Starts them and makes them ready. `elsewhere` is the number of scripts of the crowded one, and of users of the large one.
    ///
    /// # Errors
    /// When one does not start or a call of the set-up fails.
    pub fn start(binary: &Path, scratch: &Path, elsewhere: usize) -> Result<Servers> {
        let start = |name| Platform::start(binary, scratch, name);
        let names = ["plain", "scripted", "one-elsewhere", "many-elsewhere", "large"];
        let platforms = names.into_iter().map(start).collect::<Result<Vec<_>>>()?;
        platforms[SCRIPTED].attach_pairs()?;
        platforms[ONE].attach_elsewhere(1)?;
        platforms[MANY].attach_elsewhere(elsewhere)?;
        people::add_people(&platforms[LARGE], elsewhere)?;
        let bare = start_bare(&platforms[PLAIN].database(), scratch)?;
        Ok(Servers { bare, platforms })
    }

    /// The calls, each made once and found right.
    ///
    /// # Errors
    /// When an answer is wrong.
    pub fn variants(&self, elsewhere: usize) -> Result<Vec<Variant>> {
        let many = format!("(d) Antiphon, {elsewhere} scripts elsewhere");
        let among = format!("(e) the same user among {elsewhere} others with as many access rows");
        let get = |server: usize| self.platforms[server].with_key("GET", TODO, None);
        let record = todo("2");
        let patch = |server: usize| self.platforms[server].with_key("PATCH", TODO_TO_PATCH, Some(&record));
        let session = self.platforms[PLAIN].with_session("GET", TODO, None);
        let person = |server: usize| people::add_person(&self.platforms[server]);
        let status = request("GET", "/status", &[], None);
        let bare = request("GET", bare::TARGET, &[], None);
        Ok(vec![
            self.learn(Call::Bare, "(a) bare axum handler", BARE, bare, is_todo)?,
            self.learn(Call::Plain, "(b) Antiphon, no script", PLAIN, get(PLAIN), is_todo)?,
            self.learn(Call::Scripted, "(c) Antiphon, pre and post script", SCRIPTED, get(SCRIPTED), is_changed)?,
            self.learn(Call::OneElsewhere, "(d) Antiphon, 1 script elsewhere", ONE, get(ONE), is_todo)?,
            self.learn(Call::ManyElsewhere, &many, MANY, get(MANY), is_todo)?,
            self.learn(Call::PlainSession, "(b) with a session instead of an app's key", PLAIN, session, is_todo)?,
            self.learn(Call::Person, "(e) a user's session and role", PLAIN, person(PLAIN)?, is_todo)?,
            self.learn(Call::PersonAmongMany, &among, LARGE, person(LARGE)?, is_todo)?,
            self.learn(Call::Status, "`GET /status`: the HTTP edge alone", PLAIN, status, Value::is_object)?,
            self.learn(Call::PatchPlain, "`PATCH` of 1 KB, no script", PLAIN, patch(PLAIN), is_todo)?,
            self.learn(Call::PatchScripted, "`PATCH`, pre and post script", SCRIPTED, patch(SCRIPTED), is_changed)?,
        ])
    }

    fn learn(
        &self,
        call: Call,
        title: &str,
        server: usize,
        request: Vec<u8>,
        judge: fn(&Value) -> bool,
    ) -> Result<Variant> {
        let exchange = Exchange::learn(title, self.at(server).address, request, judge)?;
        Ok(Variant { call, title: title.to_owned(), exchange, server })
    }

    fn at(&self, server: usize) -> &Process {
        self.platforms.get(server).map_or(&self.bare, |platform| &platform.process)
    }

    /// The process that answers this call.
    pub fn process(&self, variant: &Variant) -> &Process {
        self.at(variant.server)
    }

    /// The one with scripts on the measured calls.
    pub fn scripted(&self) -> &Platform {
        &self.platforms[SCRIPTED]
    }

    /// The one with many scripts.
    pub fn crowded(&self) -> &Platform {
        &self.platforms[MANY]
    }
}

fn start_bare(database: &Path, scratch: &Path) -> Result<Process> {
    let address = free_address()?;
    let own = attempt("finding the bare handler", std::env::current_exe())?;
    let mut command = Command::new(own);
    command.arg("bare").args(["--listen", &address.to_string()]).arg("--database").arg(database);
    Process::start("the bare handler", command, address, &scratch.join("bare.log"))
}

fn is_todo(body: &Value) -> bool {
    body["owner"] == "Hildegard Bingen" && body["complete"] == false && body.get("summary").is_none()
}

fn is_changed(body: &Value) -> bool {
    body["summary"].as_str().is_some_and(|summary| summary.starts_with("Hildegard Bingen: Task"))
}
