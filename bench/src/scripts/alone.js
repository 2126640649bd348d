const event = JSON.parse(require('fs').readFileSync(0, 'utf8'));
event.summary = event.owner + ': ' + event.name;
console.log(JSON.stringify(event));
