// db._table.todo.post.pre_process
// Refuses a todo without a name, or one that is due before today.
const today = new Date().toISOString().slice(0, 10);

for (const todo of event.request.payload.resource ?? []) {
    if (!todo.name?.trim()) {
        throw { status_code: 400, message: "A todo needs a name." };
    }
    if (todo.due && todo.due < today) {
        throw { status_code: 400, message: `'${todo.name}' was due on ${todo.due}; choose a day that is still to come.` };
    }
}
