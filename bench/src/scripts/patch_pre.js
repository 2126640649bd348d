// Reads the payload, refuses what must not be, corrects what may be.
var record = event.request.payload;
if (!record.name) { throw 'A todo needs a name.'; }
record.place = record.place.trim() + ' (checked)';
