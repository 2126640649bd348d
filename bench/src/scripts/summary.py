event.response.content.summary = event.response.content.owner + ': ' + event.response.content.name
