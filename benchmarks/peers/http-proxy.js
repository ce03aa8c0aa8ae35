// http-proxy before the site, passing everything on: what its own first example does, with connections kept alive.
// PORT and ORIGIN are set by benchmarks/field/peers.py, which also says where the packages are (NODE_PATH).
"use strict";

const http = require("node:http");
const proxying = require("http-proxy");

const proxy = proxying.createProxyServer({
  target: `http://127.0.0.1:${process.env.ORIGIN}`,
  agent: new http.Agent({ keepAlive: true, maxSockets: 64 }),
});
proxy.on("error", (wrong, request, answer) => {
  if (answer.writeHead && !answer.headersSent) answer.writeHead(502);
  answer.end();
});

const server = http.createServer((request, answer) => proxy.web(request, answer));
server.on("upgrade", (request, socket, head) => proxy.ws(request, socket, head));
server.keepAliveTimeout = 0;
server.listen(Number(process.env.PORT), "127.0.0.1");
