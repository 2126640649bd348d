const fs = require('fs');
let buffer = Buffer.alloc(1 << 20);
function read(count) {
    for (let at = 0; at < count;) {
        const part = fs.readSync(0, buffer, at, count - at);
        if (part === 0) process.exit(0);
        at += part;
    }
}
for (;;) {
    read(4);
    const length = buffer.readUInt32LE(0);
    read(length);
    const message = JSON.parse(buffer.toString('utf8', 0, length));
    const answer = Buffer.from('\0\0\0\0' + JSON.stringify(message));
    answer.writeUInt32LE(answer.length - 4, 0);
    fs.writeSync(0, answer);
}
