// Touches the request: a payload that was empty, and a parameter.
event.request.payload.checked = true;
event.request.parameters.caller = event.request.headers['user-agent'] || 'unknown';
