$event = json_decode(stream_get_contents(STDIN), true);
$event['summary'] = $event['owner'] . ': ' . $event['name'];
echo json_encode($event);
