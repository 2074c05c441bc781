// Rooms on socket.io: whatever a member says goes to every member of its room, itself included.
"use strict";
const { Server } = require("socket.io");

// The generator answers no pings: the interval is longer than any measurement.
const server = new Server({ transports: ["websocket"], perMessageDeflate: false, pingInterval: 3_600_000 });
server.on("connection", (socket) => {
  const room = socket.handshake.query.room;
  socket.join(room);
  socket.on("say", (text) => server.to(room).emit("say", text));
});
server.listen(Number(process.argv[2]));
