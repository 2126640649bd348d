// db._table.account.get.post_process
// Adds what a person would work out from the balance.
for (const account of event.response.content.resource ?? []) {
    account.standing = account.balance < 0 ? "owes" : account.balance > 0 ? "in credit" : "even";
}
