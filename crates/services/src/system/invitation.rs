//! `send_invite=true`: mail to the accounts that a write made or changed (system-and-users 4.3).

use super::SystemStore;
use super::records::each_record;
use super::session::Side;
use crate::mail::{Mailer, Occasion};
use antiphon_gateway::Call;
use antiphon_gateway::identity::{Changed, IdentityStore as _};
use antiphon_model::{Error, Object, Result, Value, json};

/// Invites each person of the answer. The records are written already, so what goes wrong is told in their `warnings`.
pub(super) fn invite(store: &SystemStore, call: &Call<'_>, side: Side, answer: &mut Value) {
    let mailer = Mailer::of(store, call, Occasion::Invitation, side == Side::Admin).and_then(|mailer| {
        mailer.ok_or_else(|| Error::new(500, "There is no mail service for invitations on this server."))
    });
    each_record(answer, &mut |record| {
        let sent = mailer.as_ref().map_err(Error::clone).and_then(|mailer| invite_one(store, call, mailer, record));
        if let Err(error) = sent {
            let warning = format!("The account is stored, but the invitation was not sent: {}", error.message);
            record.insert("warnings".into(), json!([warning]));
        }
    });
}

fn invite_one(store: &SystemStore, call: &Call<'_>, mailer: &Mailer<'_>, record: &mut Object) -> Result<()> {
    let id = record.get("id").and_then(Value::as_i64);
    let id = id.ok_or_else(|| Error::bad_request("Ask for the field id to have invitations sent."))?;
    let account = store.account(id)?.ok_or_else(|| Error::record_not_found(id))?;
    if !account.is_active {
        return Err(Error::bad_request("The account is not active."));
    }
    let code = store.begin_confirmation(id)?;
    call.gateway.identity().forget(Changed::Account(id));
    if let Some(confirmed) = record.get_mut("confirmed") {
        *confirmed = json!(false);
    }
    mailer.send(&account, &code)
}
