// db._table.contact.get.post_process
// Notes about people stay in the house.
if (!platform.session.user?.is_sys_admin) {
    for (const contact of event.response.content.resource ?? []) {
        delete contact.private_note;
    }
}
