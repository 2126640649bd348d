// db._table.{table_name}.get.post_process
// Counts the successful reads of every table, in a table of its own.
const table = event.resource;

if (event.response.status_code < 300 && table !== "call_count") {
    const counted = platform.api.patch(`db/_table/call_count/${table}`, { calls: { expression: "calls + 1" } });
    if (counted.status_code === 404) {
        platform.api.post("db/_table/call_count", { resource: [{ table_name: table, calls: 1 }] });
    }
}
