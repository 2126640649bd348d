import json, sys
event = json.load(sys.stdin)
event['summary'] = event['owner'] + ': ' + event['name']
print(json.dumps(event))
