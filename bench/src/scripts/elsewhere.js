// Attached to events that never fire here.
event.request.parameters.elsewhere = 'yes';
