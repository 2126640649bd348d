// db._table.todo.get.pre_process
// Whoever is not an administrator sees public todos only, whatever filter the client sends.
if (!platform.session.user?.is_sys_admin) {
    const wanted = event.request.parameters.filter;
    event.request.parameters.filter = wanted ? `(${wanted}) AND (is_public = true)` : "is_public = true";
}
