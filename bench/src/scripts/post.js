// Adds a member computed from others to the record of the answer.
var record = event.response.content;
record.summary = record.owner + ': ' + record.name;
